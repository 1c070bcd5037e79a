import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type Clock, systemClock } from '../../src/lib/clock.ts'
import { connectStack } from '../stack/remote.ts'
import { type Faults, FaultyApiServer } from '../support/faulty-api-server.ts'
import { writesOf } from '../support/in-process-operator.ts'
import type { Death } from '../support/mortal-api.ts'
import { signInAsOperator } from '../support/permissions.ts'
import { seededRandom } from '../support/random.ts'
import { behindBlackHole, besideDeadConnections } from './operator-faults/black-hole.ts'
import { dieAt, loseLeaseAt, writesOfLife } from './operator-faults/deaths.ts'
import { NAME } from './operator-faults/life.ts'
import { Lives, QUIET_MS } from './operator-faults/lives.ts'
import { throughOutages } from './operator-faults/outage.ts'
import { writeReport } from './operator-faults/report.ts'
import { behindHangingWebhook, besideSilentPods } from './operator-faults/stuck.ts'
import { beforeRolesAreRead } from './operator-faults/unread-roles.ts'

/** `npm run faults:operator`: every write and both ways to die, whole lives, longer storms. */
const isFull = process.env.FAULTS === 'full'
const seed = Number(process.env.SEED ?? 1)
const stack = connectStack(inject('stack'))
/** Lives at the same time: more make each one slower on two cores. */
const AT_ONCE = 6
const PATIENCE_MS = isFull ? 1_200_000 : 300_000
/** Where requests are refused several passes in a row may fail: the operator then waits up to a minute before the next. */
const REFUSED_PATIENCE_MS = 240_000
let lives: Lives
/** Of a life in which nothing happens. */
let writes: Promise<string[]>

beforeAll(async () => {
  lives = await Lives.begin(stack)
  writes = writesOfLife(lives)
  writes.catch(() => {})
})

afterAll(async () => {
  // `npm run faults:operator` is a run of vitest, which has no flags of ours.
  if (process.env.REPORT === '1') await writeReport(lives, await writes, seed)
  await lives?.end()
})

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items]
  const failures: string[] = []
  const worker = async () => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) {
      const what = JSON.stringify(next)
      await work(next).catch((error: Error) => failures.push(`${what}: ${error.message}`))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  expect(failures).toEqual([])
}

/** Every write in both ways; in short the first write of each kind, in one way. */
function deathsAt(writes: readonly string[]): Death[] {
  if (isFull) return writes.flatMap((_, i) => [true, false].map((takesEffect) => ({ atWrite: i + 1, takesEffect })))
  const kinds = [...new Set(writes)]
  return kinds.map((kind, i) => ({ atWrite: writes.indexOf(kind) + 1, takesEffect: i % 2 === 0 }))
}

const STORM = [{ status: 409 }, { status: 422 }, { status: 429, retryAfterSeconds: 1 }, { status: 500 }]
const STORMS: [string, Partial<Faults>][] = [
  // First, as it waits longest: only lists tell anything.
  ['sends bookmarks and no events', { bookmarksOnly: true }],
  ['refuses every third write with 409, 422, 429 or 500, and every sixth read', { refuse: 0.3, refusals: STORM }],
  ['cuts watches in the middle of a line', { cut: 0.3 }],
  ['tells events twice', { repeat: 0.5 }],
  ['says 410 at any time', { expire: 0.3 }],
  ['tells late, and only the last of several events', { holdMs: 400 }],
  ['is slow', { latencyMs: 400 }],
  ['does all of it', { refuse: 0.1, refusals: STORM, cut: 0.1, repeat: 0.1, expire: 0.05, latencyMs: 100 }],
]

describe.concurrent('an operator', { timeout: PATIENCE_MS }, () => {
  test.each(STORMS)('whose API server %s ends at the same objects', async (_what, faults) => {
    const server = await FaultyApiServer.start(await signInAsOperator(stack), seededRandom(seed))
    try {
      await lives.live(
        async ({ person, start }) => {
          Object.assign(server.faults, faults)
          await start({ access: server.access })
          for (let round = 1; round < (isFull ? 3 : 1); round++) await person.live()
          return person.live()
        },
        { withinMs: 'refuse' in faults ? REFUSED_PATIENCE_MS : 120_000 },
      )
    } finally {
      await server.close()
    }
    for (const [fault, times] of Object.entries(server.happened)) lives.tally.add(`API server: ${fault}`, times)
    if (!('latencyMs' in faults)) expect(Object.keys(server.happened)).not.toEqual([])
  })

  // In containers the API server does not reach an address of this machine.
  test.skipIf(stack.kind === 'containers')(
    'whose write for one connector hangs in a webhook goes on with all others, and says which webhook',
    async () => {
      await behindHangingWebhook(lives)
      lives.tally.add('a webhook hangs for 30 s, whole life of another connector meanwhile')
    },
  )

  test('that asks pods which never answer goes on with all others', async () => {
    await besideSilentPods(lives)
    lives.tally.add('40 pods take connections and never answer, whole life of another connector meanwhile')
  })

  test('whose API server takes connections and never answers says so, gives its lease up in time, and its successor goes on', async () => {
    await behindBlackHole(lives)
    lives.tally.add('API server: takes connections and never answers', 2)
  })

  // It waits for as long as a watch may be silent.
  test.runIf(isFull)('leaves connections that have died without a word', async () => {
    await besideDeadConnections(lives)
    lives.tally.add('API server: connections die without a word')
  })

  test('that is refused what the API server has not read the role for does not blame the connector', async () => {
    await beforeRolesAreRead(lives)
    lives.tally.add('API server: refuses to write Deployments for seconds, as roles arrive late')
  })

  test('may die at any of its writes: the next one ends at the same objects and writes nothing more', async () => {
    const all = await writes
    expect(all).toContain('delete PodDisruptionBudget')
    await inParallel(deathsAt(all), async (death) => {
      await dieAt(death, lives, isFull)
      const became = death.takesEffect ? 'carried out' : 'not carried out'
      lives.tally.add(`the operator dies at \`${all[death.atWrite - 1]}\`, which is ${became}`)
    })
  })

  test('that loses its lease in the middle of a pass stops at once, and the next one makes nothing twice', async () => {
    const all = await writes
    const inShort = [all.lastIndexOf('apply ConfigMap'), all.indexOf('patch AnalyticsConnector')].map((i) => i + 1)
    await inParallel(isFull ? all.map((_, i) => i + 1) : inShort, async (at) => {
      await loseLeaseAt(at, lives)
      lives.tally.add(`another one takes the lease during \`${all[at - 1]}\``)
    })
  })

  test('beside another one comes to one result, and neither undoes what the other does', async () => {
    await lives.live(async ({ person, start }) => {
      const two = [await start({ isOneOfTwo: true }), await start({ isOneOfTwo: true })]
      const last = await person.live()
      await delay(QUIET_MS)
      const writes = two.map(({ calls }) => writesOf(calls).length)
      await delay(QUIET_MS)
      expect(two.map(({ calls }) => writesOf(calls).length)).toEqual(writes)
      return last
    })
    lives.tally.add('two operators at once')
  })

  test('whose clock jumps by an hour, forth and back, is not held up', async () => {
    let offsetMs = 0
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + offsetMs }
    await lives.live(async ({ person, start }) => {
      await start({ ...(await lives.electable(person)), clock })
      await person.wants(NAME, {})
      offsetMs = 3_600_000
      await person.live()
      offsetMs = -3_600_000
      return person.live()
    })
    lives.tally.add('the clock jumps by an hour, forth and back', 2)
  })
})

test.skipIf(!stack.servers.etcd)(
  'an operator outlives etcd, and etcd with the API server, killed in the middle of edits',
  async () => {
    await throughOutages(lives)
    lives.tally.add('kill -9 of etcd')
    lives.tally.add('kill -9 of etcd and API server')
  },
  PATIENCE_MS,
)
