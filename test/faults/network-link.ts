import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/**
 * `open`: as if it were not there. `cut`: connections are reset, new ones too. `silent`: nothing arrives on either side, not
 * even an end, until it is open again; then all that was sent arrives, though the sender may have given up long ago.
 */
export type LinkState = 'open' | 'cut' | 'silent'

/** The network between clients and one TCP server: a proxy on loopback. */
export class NetworkLink {
  readonly #target: number
  readonly #server: Server
  /** Both ends of each connection. */
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  #state: LinkState = 'open'

  private constructor(target: number) {
    this.#target = target
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client))
  }

  /** @param target a port of 127.0.0.1, which need not be open yet */
  static async to(target: number): Promise<NetworkLink> {
    const link = new NetworkLink(target)
    link.#server.listen(0, '127.0.0.1')
    await once(link.#server, 'listening')
    return link
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get state(): LinkState {
    return this.#state
  }

  become(state: LinkState): void {
    this.#state = state
    for (const pair of this.#pairs) this.#apply(pair)
  }

  close(): void {
    this.become('cut')
    this.#server.close()
  }

  #accept(client: Socket): void {
    const server = connect({ port: this.#target, host: '127.0.0.1', allowHalfOpen: true })
    const pair = [client, server] as const
    this.#pairs.add(pair)
    for (const [socket, other] of [pair, [server, client] as const]) {
      socket.setNoDelay(true)
      socket.on('error', () => other.resetAndDestroy())
      socket.once('close', () => this.#pairs.delete(pair))
    }
    this.#apply(pair)
  }

  #apply([client, server]: readonly [Socket, Socket]): void {
    client.unpipe()
    server.unpipe()
    if (this.#state === 'open') client.pipe(server).pipe(client)
    if (this.#state === 'cut') for (const socket of [client, server]) socket.resetAndDestroy()
  }
}
