import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A TCP proxy on loopback whose connections can be cut, refused, or led nowhere. */
export async function startCuttingProxy(target: URL) {
  const sockets = new Set<Socket>()
  let isHeld = false
  let isRefusing = false
  const track = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  }
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  const server = createServer((client) => {
    if (isRefusing) return void client.resetAndDestroy()
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
    cut,
    /** The same, and of every new one. */
    refuse: () => {
      isRefusing = true
      cut()
    },
    /** From now on nothing passes, and nobody is told. */
    hold: () => {
      isHeld = true
      for (const socket of sockets) socket.unpipe().pause()
    },
    /** New connections pass again; those that were held stay silent. */
    release: () => {
      isHeld = isRefusing = false
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
