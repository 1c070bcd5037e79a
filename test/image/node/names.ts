import { createSocket } from 'node:dgram'
import { once } from 'node:events'

const PORT = 53
const TYPE_A = 1
const HEADER_BYTES = 12
/** Response, authoritative; then the same with "no such name". */
const FOUND = 0x8400
const NO_SUCH_NAME = 0x8403

/**
 * Answers the pods' questions for names, as the cluster's DNS would: the addresses given, and no other name (RFC 1035).
 * Ends with this process.
 */
export async function serveNames(host: string, addresses: Readonly<Record<string, string>>): Promise<void> {
  const socket = createSocket('udp4', (question, { port, address }) => {
    socket.send(answer(question, addresses), port, address)
  })
  socket.bind(PORT, host)
  await once(socket, 'listening')
  socket.unref()
}

/** The reply to a message with one question. */
export function answer(question: Buffer, addresses: Readonly<Record<string, string>>): Buffer {
  const { name, end } = nameAt(question, HEADER_BYTES)
  const address = Object.hasOwn(addresses, name) ? addresses[name] : undefined
  const isWanted = address !== undefined && question.readUInt16BE(end) === TYPE_A
  const header = Buffer.alloc(HEADER_BYTES)
  question.copy(header, 0, 0, 2)
  header.writeUInt16BE(address === undefined ? NO_SUCH_NAME : FOUND, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(isWanted ? 1 : 0, 6)
  const asked = question.subarray(HEADER_BYTES, end + 4)
  return Buffer.concat([header, asked, ...(isWanted ? [record(address)] : [])])
}

function nameAt(message: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = []
  let at = start
  for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 }
}

/** Name (as in the question), type A, class IN, valid for 5 s, 4 bytes. */
function record(address: string): Buffer {
  const bytes = Buffer.from([0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, 5, 0, 4, 0, 0, 0, 0])
  bytes.set(address.split('.').map(Number), HEADER_BYTES)
  return bytes
}
