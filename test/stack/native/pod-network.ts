import { listen } from './free-ports.ts'

/** A block of 254 loopback addresses for the pods of one stack. */
export interface PodNetwork {
  /** The first three numbers, e.g. `127.83.12`. */
  readonly prefix: string
  release(): void
}

/** Nobody's port; it is only held so that another stack sees that the block is taken. */
const claimPort = 31_999

/**
 * Picks a block at random and claims it, so that the pods of stacks beside each other never share an address.
 * @throws Error where only 127.0.0.1 exists (macOS).
 */
export async function claimPodNetwork(): Promise<PodNetwork> {
  for (;;) {
    const prefix = `127.${between(64, 254)}.${between(1, 254)}`
    const claim = await listen(`${prefix}.254`, claimPort).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EADDRNOTAVAIL') throw cause
      throw new Error(
        'This system has no loopback addresses beside 127.0.0.1, which the native way gives to pods: use STACK=containers',
        { cause },
      )
    })
    if (claim === undefined) continue
    claim.unref()
    return { prefix, release: () => claim.close() }
  }
}

function between(low: number, high: number): number {
  return low + Math.floor(Math.random() * (high - low + 1))
}
