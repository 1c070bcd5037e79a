/** An API server that takes connections and says nothing more, and one that is not told of its own end: nobody resets anything. */
import { pino } from 'pino'
import { expect } from 'vitest'
import type { ClusterAccess } from '../../../src/kube/cluster-access.ts'
import { startCuttingProxy } from '../../support/cutting-proxy.ts'
import { eventually } from '../../support/eventually.ts'
import { NAME } from './life.ts'
import type { Lives } from './lives.ts'

/** A leader may go on for 10 s after it last held its lease, and looks every 2 s. */
const LEASE_LOST_MS = 20_000
const CONNECT_TIMEOUT = 'Connect Timeout Error'

/** The leader ends in time, for its successor to begin; what comes while nothing is answered is told in the log. */
export async function behindBlackHole(lives: Lives): Promise<void> {
  await lives.live(
    async ({ person, start }) => {
      const { access, lease } = await lives.electable(person)
      const { proxy, throughProxy } = await proxied(access)
      try {
        proxy.hold()
        const { lines, logger } = logBook()
        const first = await start({ access: throughProxy, lease, identity: 'first', logger })
        await eventually(20_000, async () => expect(lines.join('')).toContain(CONNECT_TIMEOUT))
        proxy.release()
        await person.wants(NAME, {})

        proxy.hold()
        const edited = await person.asks(NAME, { config: { flushSize: 5 } })
        await eventually(LEASE_LOST_MS, async () => expect(lines.join('')).toContain('the leader lease is lost'))
        expect(await first.outcome).toBe('lost')
        proxy.release()
        // As Kubernetes starts its container again.
        await start({ access: throughProxy, lease, identity: 'second' })
        await person.ready(NAME, edited)
        return undefined
      } finally {
        proxy.close()
      }
    },
    { withinMs: 60_000 },
  )
}

/** A process that does not lead by a lease, or does not lead yet, lives through it: it leaves the dead connections for new ones. */
export async function besideDeadConnections(lives: Lives): Promise<void> {
  await lives.live(
    async ({ person, start }) => {
      const { access } = await lives.electable(person)
      const { proxy, throughProxy } = await proxied(access)
      try {
        await start({ access: throughProxy })
        await person.wants(NAME, {})
        proxy.hold()
        const edited = await person.asks(NAME, { config: { flushSize: 5 } })
        proxy.release()
        await person.ready(NAME, edited)
        await person.live()
        // The edit has made one more revision than a life does.
        return undefined
      } finally {
        proxy.close()
      }
    },
    // A watch is given up after three minutes without a word, as the proxy's kernel still answers TCP.
    { withinMs: 300_000 },
  )
}

async function proxied(access: ClusterAccess) {
  const proxy = await startCuttingProxy(new URL(access.server))
  return { proxy, throughProxy: { ...access, server: `https://127.0.0.1:${proxy.port}` } }
}

function logBook() {
  const lines: string[] = []
  return { lines, logger: pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) }) }
}
