import { setTimeout as delay } from 'node:timers/promises'
import { Random } from '../simulate/random.ts'
import { type Connector, REPLICAS } from './connector.ts'
import { Deck } from './deck.ts'
import type { Member } from './member.ts'
import { SESSION_SECONDS } from './servers.ts'
import type { Tally } from './tally.ts'

/** From one fault of a connector to its next. The group needs one session timeout and a start to recover from a kill. */
const GAP_MS = { least: 100, most: 4_000 }
/** Of those killed by chance: most have joined their group, some are just starting. */
const KILLED_AFTER_JOINING = 0.85

interface Scene {
  readonly connector: Connector
  readonly random: Random
  readonly tally: Tally
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
  await delay(random.int(0, 100))
  tally.add('kill -9 of a sink that was ending (SIGTERM)')
  member.kill()
}

/** Mostly until others have its partitions; then it wakes and believes that it still has them. */
async function freezeOne({ connector, random, tally }: Scene): Promise<void> {
  if (connector.running.length === 0) return
  tally.add('SIGSTOP of a sink, SIGCONT later')
  await random.pick(connector.running).freeze(random.int(300, SESSION_SECONDS * 4_000))
}

async function rollingRestart({ connector, tally }: Scene): Promise<void> {
  tally.add('rolling restart (SIGTERM)')
  for (const member of connector.running) await member.restart()
}

async function scale({ connector, random, tally }: Scene): Promise<void> {
  tally.add('scaled to 1, 4, 2 and back')
  for (const replicas of [1, 4, 2, REPLICAS]) {
    connector.scale(replicas)
    await delay(random.int(500, 5_000))
  }
}

/** Some sinks are restarted with the new configuration, the others go on with theirs until something else ends them. */
async function edit({ connector, random, tally }: Scene): Promise<void> {
  tally.add('edit of path, format, limits or filter')
  connector.edit(random)
  await inTurn(connector.running.filter(() => random.chance(0.5)))
}

async function inTurn(members: readonly Member[]): Promise<void> {
  for (const member of members) await member.restart()
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

/** Troubles one connector until `isOver`; resolves when its last fault has passed. */
export async function troubleConnector(
  connector: Connector,
  seed: number,
  tally: Tally,
  isOver: () => boolean,
): Promise<void> {
  const random = new Random(seed)
  const deck = new Deck(random, FAULTS)
  const passing = new Set<Promise<void>>()
  while (!isOver()) {
    await delay(random.int(GAP_MS.least, GAP_MS.most))
    const passed = deck.deal()({ connector, random, tally })
    passing.add(passed)
    void passed.finally(() => passing.delete(passed))
  }
  await Promise.all(passing)
}
