import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A TCP proxy on loopback whose connections can be cut, or led nowhere. */
export async function startCuttingProxy(target: URL) {
  const sockets = new Set<Socket>()
  let isHeld = false
  const track = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  }
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const socket of [client, upstream]) track(socket)
    if (!isHeld) client.pipe(upstream).pipe(client)
    client.once('close', () => upstream.destroy())
    upstream.once('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    /** Resets every connection that is open now. */
    cut: () => {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    /** From now on nothing passes, and nobody is told. */
    hold: () => {
      isHeld = true
      for (const socket of sockets) socket.unpipe().pause()
    },
    /** New connections pass again; those that were held stay silent. */
    release: () => {
      isHeld = false
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
