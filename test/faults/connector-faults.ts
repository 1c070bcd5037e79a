import { sleep, systemClock } from '../../src/lib/clock.ts'
import { Random } from '../simulate/random.ts'
import { type Connector, REPLICAS } from './connector.ts'
import { Deck } from './deck.ts'
import type { Member } from './member.ts'
import { SESSION_SECONDS } from './servers.ts'
import type { Tally } from './tally.ts'

/**
 * From one fault of a connector to its next: mostly so long after somebody has got partitions again, that there is something to
 * disturb, however slow the machine is; sometimes at once.
 */
const GAP_MS = { least: 50, most: 2_500 }
const RECOVERY_MS = 10_000
const AWAITS_RECOVERY = 0.85
/** Of those killed by chance: most have joined their group, some are just starting. */
const KILLED_AFTER_JOINING = 0.85

interface Scene {
  readonly connector: Connector
  readonly random: Random
  readonly tally: Tally
  /** Aborts when it is time for everything to get well. */
  readonly over: AbortSignal
}

type ConnectorFault = (scene: Scene) => Promise<void>

function killOne({ connector, random }: Scene): Promise<void> {
  const joined = connector.running.filter(({ hasJoined }) => hasJoined)
  const choice = joined.length > 0 && random.chance(KILLED_AFTER_JOINING) ? joined : connector.running
  if (choice.length > 0) random.pick(choice).kill()
  return Promise.resolve()
}

async function killAll({ connector, tally }: Scene): Promise<void> {
  tally.add('kill -9 of all sinks of a connector at once')
  for (const member of connector.running) member.kill()
}

async function killDraining({ connector, random, tally }: Scene): Promise<void> {
  if (connector.running.length === 0) return
  const member = random.pick(connector.running)
  member.terminate()
  await sleep(systemClock, random.int(0, 100))
  tally.add('kill -9 of a sink that was ending (SIGTERM)')
  member.kill()
}

/** Mostly until others have its partitions; then it wakes and believes that it still has them. */
async function freezeOne({ connector, random, tally, over }: Scene): Promise<void> {
  if (connector.running.length === 0) return
  tally.add('SIGSTOP of a sink, SIGCONT later')
  await random.pick(connector.running).freeze(random.int(300, SESSION_SECONDS * 4_000), over)
}

async function rollingRestart({ connector, tally, over }: Scene): Promise<void> {
  tally.add('rolling restart (SIGTERM)')
  await restartInTurn(connector.running, over)
}

async function scale({ connector, random, tally, over }: Scene): Promise<void> {
  tally.add('scaled to 1, 4, 2 and back')
  for (const replicas of [1, 4, 2, REPLICAS]) {
    connector.scale(replicas)
    await sleep(systemClock, random.int(500, 5_000), over)
  }
}

/** Some sinks are restarted with the new configuration, the others go on with theirs until something else ends them. */
async function edit({ connector, random, tally, over }: Scene): Promise<void> {
  tally.add('edit of path, format, limits or filter')
  connector.edit(random)
  await restartInTurn(
    connector.running.filter(() => random.chance(0.5)),
    over,
  )
}

async function restartInTurn(members: readonly Member[], over: AbortSignal): Promise<void> {
  for (const member of members) if (!over.aborted) await member.restart()
}

const FAULTS: readonly ConnectorFault[] = [
  ...Array.from({ length: 10 }, () => killOne),
  killAll,
  killDraining,
  freezeOne,
  freezeOne,
  rollingRestart,
  scale,
  edit,
  edit,
]

/** Troubles one connector until `over`; resolves when its last fault has passed. */
export async function troubleConnector(scene: Omit<Scene, 'random'>, seed: number): Promise<void> {
  const { over } = scene
  const random = new Random(seed)
  const deck = new Deck(random, FAULTS)
  const passing = new Set<Promise<void>>()
  for (;;) {
    if (random.chance(AWAITS_RECOVERY)) await recovered(scene.connector, over)
    await sleep(systemClock, random.int(GAP_MS.least, GAP_MS.most), over)
    if (over.aborted) break
    const passed = deck.deal()({ ...scene, random })
    passing.add(passed)
    void passed.finally(() => passing.delete(passed))
  }
  await Promise.all(passing)
}

/** Resolves when partitions have been assigned anew, or after a while. */
async function recovered(connector: Connector, over: AbortSignal): Promise<void> {
  const since = Date.now()
  while (connector.assignedAtMs < since && Date.now() < since + RECOVERY_MS && !over.aborted)
    await sleep(systemClock, 50, over)
}
