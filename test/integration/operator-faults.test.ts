import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { KubeApi } from '../../src/kube/api.ts'
import { type Clock, systemClock } from '../../src/lib/clock.ts'
import { connectStack } from '../stack/remote.ts'
import { eventually } from '../support/eventually.ts'
import { type Faults, FaultyApiServer } from '../support/faulty-api-server.ts'
import {
  type OperatorSettings,
  type RunningOperator,
  startOperator,
  withoutInstalledOperator,
  writesOf,
} from '../support/in-process-operator.ts'
import { kubectl } from '../support/kubectl.ts'
import { type Death, MortalApi } from '../support/mortal-api.ts'
import { signInAsOperator, signInConfined } from '../support/permissions.ts'
import { seededRandom } from '../support/random.ts'
import { SimulatedNode } from '../support/simulated-node.ts'
import { HistoryRecorder } from '../support/status/history-recorder.ts'
import { AT_THE_END, NAME, Person } from './operator-faults/life.ts'

/** `npm run faults:operator`: every death in both ways, longer storms. */
const isFull = process.env.FAULTS === 'full'
const seed = Number(process.env.SEED ?? 1)
const stack = connectStack(inject('stack'))
const QUIET_MS = 1_500
/** Lives at the same time: more make each one slower on two cores. */
const AT_ONCE = 6
const NEVER: Death = { atWrite: Infinity, takesEffect: true }
let installed: Awaited<ReturnType<typeof withoutInstalledOperator>>
let node: SimulatedNode

beforeAll(async () => {
  installed = await withoutInstalledOperator(stack)
  const name = `simulated-${randomBytes(3).toString('hex')}`
  node = await SimulatedNode.start({ kubeconfigPath: stack.kubeconfigPath, name, startMs: 50 })
})

afterAll(async () => {
  await node?.stop()
  await installed?.restore()
})

const FAST = { statusPollSeconds: { changing: 0.1, steady: 2 } }

/** A namespace of its own in which a connector lives while `operate` runs operators; afterwards all must be well. */
async function life(operate: (run: Run) => Promise<void>, withinMs = 60_000): Promise<void> {
  const namespace = `faults-${randomBytes(4).toString('hex')}`
  await kubectl(stack, ['create', 'namespace', namespace])
  const history = await HistoryRecorder.start(stack, namespace)
  const person = await Person.in(stack, namespace, node.placement, withinMs)
  const operators: RunningOperator[] = []
  const start = async (settings: OperatorSettings = {}) => {
    const config = { ...FAST, watchNamespaces: [namespace], ...settings.config }
    const operator = await startOperator(stack, { ...settings, config })
    operators.push(operator)
    return operator
  }
  try {
    await operate({ person, start })
    for (const operator of operators) await operator.stop()
    await audited(person, start)
    await history.finish()
  } finally {
    await Promise.allSettled(operators.map((operator) => operator.stop()))
    await person.api.close()
    await kubectl(stack, ['delete', 'namespace', namespace, '--wait=false'])
  }
}

interface Run {
  readonly person: Person
  readonly start: (settings?: OperatorSettings) => Promise<RunningOperator>
}

/** An operator that knows nothing finds everything as it would have made it, and writes nothing. */
async function audited(person: Person, start: Run['start']): Promise<void> {
  await eventually(20_000, async () => expect(await person.objects()).toEqual(AT_THE_END))
  const auditor = await start()
  await delay(QUIET_MS)
  expect(writesOf(auditor.calls)).toEqual([])
  await auditor.stop()
}

/** A life whose operator dies as it is told; another one takes over. */
async function lifeWithDeath(death: Death): Promise<string[]> {
  const apis: MortalApi[] = []
  const mortal = (death: Death) => (api: KubeApi) => {
    const made = new MortalApi(api, death)
    apis.push(made)
    return made
  }
  await life(async ({ person, start }) => {
    const first = await start({ wrap: mortal(death) })
    const living = person.live()
    living.catch(() => {})
    const died = new Promise((resolve) => apis[0]?.died.addEventListener('abort', resolve))
    await Promise.race([died, living])
    if (apis[0]?.died.aborted) {
      await first.stop()
      await start()
    }
    await living
  })
  return apis[0]?.writes ?? []
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items]
  const worker = async () => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) await work(next)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

/** Every write in both ways; in short each write in one way, but only every third one of the many status writes. */
function deathsOf(writes: readonly string[]): Death[] {
  const all = writes.map((write, i) => ({ write, atWrite: i + 1 }))
  if (isFull) return all.flatMap(({ atWrite }) => [true, false].map((takesEffect) => ({ atWrite, takesEffect })))
  return all
    .filter(({ write, atWrite }) => !write.endsWith('/status') || atWrite % 3 === 0)
    .map(({ atWrite }) => ({ atWrite, takesEffect: atWrite % 2 === 0 }))
}

test('an operator may die at any of its writes: the next one ends at the same objects and writes nothing more', async () => {
  const writes = await lifeWithDeath(NEVER)
  expect(writes).toContain('delete PodDisruptionBudget')
  const failures: string[] = []
  const deaths = deathsOf(writes)
  await inParallel(deaths, async (death) => {
    await lifeWithDeath(death).catch((error: Error) => failures.push(`${JSON.stringify(death)}: ${error.message}`))
  })
  expect(failures).toEqual([])
  console.log(`${deaths.length} deaths survived at ${writes.length} writes`)
}, 900_000)

const STORM = [{ status: 409 }, { status: 422 }, { status: 429, retryAfterSeconds: 1 }, { status: 500 }]
const STORMS: [string, Partial<Faults>][] = [
  ['refuses every third request with 409, 422, 429 or 500', { refuse: 0.3, refusals: STORM }],
  ['cuts watches in the middle of a line', { cut: 0.3 }],
  ['tells events twice', { repeat: 0.5 }],
  ['says 410 at any time', { expire: 0.3 }],
  ['tells late, and only the last of several events', { holdMs: 400 }],
  ['sends bookmarks and no events', { bookmarksOnly: true }],
  ['is slow', { latencyMs: 400 }],
  ['does all of it', { refuse: 0.1, refusals: STORM, cut: 0.1, repeat: 0.1, expire: 0.05, latencyMs: 100 }],
]

describe('an API server that', () => {
  test.concurrent.each(STORMS)(
    '%s changes nothing in the end',
    async (_what, faults) => {
      const server = await FaultyApiServer.start(await signInAsOperator(stack), seededRandom(seed))
      try {
        await life(async ({ person, start }) => {
          Object.assign(server.faults, faults)
          await start({ access: server.access })
          for (let round = 0; round < (isFull ? 5 : 1); round++) await person.live()
        }, 120_000)
      } finally {
        await server.close()
      }
      if (!('latencyMs' in faults)) expect(Object.keys(server.happened)).not.toEqual([])
    },
    600_000,
  )
})

test('two operators at once come to one result, and neither undoes what the other does', async () => {
  await life(async ({ person, start }) => {
    const two = [await start({ isOneOfTwo: true }), await start({ isOneOfTwo: true })]
    await person.live()
    await delay(QUIET_MS)
    const writes = two.map(({ calls }) => writesOf(calls).length)
    await delay(QUIET_MS)
    expect(two.map(({ calls }) => writesOf(calls).length)).toEqual(writes)
  })
}, 120_000)

test('a clock that jumps by an hour, forth and back, holds nothing up', async () => {
  let offsetMs = 0
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + offsetMs }
  await life(async ({ person, start }) => {
    const { namespace } = person
    const access = await signInConfined(stack, { folder: 'overlays/namespace', home: namespace, watched: namespace })
    await start({ clock, access, lease: { namespace, name: 'analytics-connector-operator' } })
    await person.wants(NAME, {})
    offsetMs = 3_600_000
    await person.live()
    offsetMs = -3_600_000
    await person.live()
  })
}, 120_000)
