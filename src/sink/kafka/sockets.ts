import { connect as connectTcp, isIP } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Landing } from './landing.ts'
import { createSocketFactory, type SocketFactory } from './protocol.ts'

const KEEP_ALIVE_DELAY_MS = 60_000

const createSocket = createSocketFactory()

export const plainSockets: SocketFactory = (options) => createSocket(options).setNoDelay(true)

/** As kafkajs makes its sockets, but what arrives goes to where the landing says. */
export function landingSockets(landing: Landing): SocketFactory {
  const onread = {
    buffer: () => landing.room(),
    callback: (bytes: number) => {
      landing.arrived(bytes)
      return true
    },
  }
  return ({ host, port, ssl, onConnect }) => {
    const to = { host, port, onread }
    const socket = ssl
      ? connectTls(Object.assign(to, isIP(host) ? {} : { servername: host }, ssl), onConnect)
      : connectTcp(to, onConnect)
    return socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS).setNoDelay(true)
  }
}
