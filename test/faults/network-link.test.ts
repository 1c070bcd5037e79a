import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { NetworkLink } from './network-link.ts'

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

/** A server that remembers what it got, a link to it, and a client. */
async function linked() {
  const received: string[] = []
  const server = createServer((socket) => {
    socket.on('data', (data) => {
      received.push(String(data))
      socket.write(`got ${data}`)
    })
    socket.on('error', () => {})
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const link = await NetworkLink.to((server.address() as AddressInfo).port)
  const client = connect(link.port, '127.0.0.1')
  await once(client, 'connect')
  ends.push(() => {
    client.destroy()
    link.close()
    server.close()
  })
  return { received, link, client }
}

async function answerTo(client: Socket, text: string): Promise<string> {
  client.write(text)
  return String((await once(client, 'data'))[0])
}

test('an open link passes everything on', async () => {
  const { client } = await linked()
  expect(await answerTo(client, 'a')).toBe('got a')
})

test('a cut link resets connections, and those that come', async () => {
  const { link, client } = await linked()
  await answerTo(client, 'a')
  link.become('cut')
  expect(await once(client, 'error')).toMatchObject([{ code: 'ECONNRESET' }])
  expect(await once(connect(link.port, '127.0.0.1'), 'error')).toMatchObject([{ code: 'ECONNRESET' }])
})

test('what is sent into a silent link arrives when it is open again, though its sender has gone', async () => {
  const { link, client, received } = await linked()
  await answerTo(client, 'a')
  link.become('silent')
  client.end('late')
  await delay(100)
  expect(received).toEqual(['a'])
  link.become('open')
  await once(client, 'data')
  expect(received).toEqual(['a', 'late'])
})
