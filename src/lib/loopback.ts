import { type AddressInfo, createServer, isIP, type Server } from 'node:net'

/**
 * Lets a server that listens on one address be reached by localhost too: `kubectl port-forward` comes by that, from inside the pod, and finds
 * nothing where a pod listens on its own address alone. A port of localhost that is taken stays whose it is.
 *
 * @param server one that listens
 * @param address that it was given; of all interfaces (empty), and of localhost itself, there is nothing to do
 * @returns ends it; connections that came are the server's to end
 */
export function openLoopback(server: Server, address: string): Promise<() => void> {
  const isOwn = isIP(address) > 0 && !/^(127\.|::1?$|0\.0\.0\.0$)/.test(address)
  if (!isOwn) return Promise.resolve(() => {})
  const loopback = createServer((socket) => server.emit('connection', socket))
  return new Promise((resolve) => {
    const end = () => resolve(() => loopback.close())
    loopback.on('error', end)
    loopback.listen({ host: '127.0.0.1', port: (server.address() as AddressInfo).port }, end)
  })
}
