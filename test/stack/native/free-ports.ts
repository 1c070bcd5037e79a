import { createServer, type Server } from 'node:net'

/**
 * Below the range from which systems take ports for outgoing connections (Linux: 32768 and up). A server that a test
 * stops and starts again must find its port free, and a client that tries to reconnect to a port in that range can
 * even connect to itself.
 */
const lowestPort = 15_000
const highestPort = 32_000

/** Finds `count` different ports that are free on 127.0.0.1 at this moment. */
export async function freePorts(count: number): Promise<number[]> {
  const held: Server[] = []
  try {
    while (held.length < count) {
      const server = await listen('127.0.0.1', randomPort())
      if (server !== undefined) held.push(server)
    }
    return held.map((server) => (server.address() as { port: number }).port)
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))))
  }
}

function randomPort(): number {
  return lowestPort + Math.floor(Math.random() * (highestPort - lowestPort))
}

/** A listener, or undefined when the address is taken. Other errors are thrown. */
export function listen(host: string, port: number): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    )
    server.listen({ host, port, exclusive: true }, () => resolve(server))
  })
}
