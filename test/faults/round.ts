import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../support/eventually.ts'
import { createTopics } from '../support/game-events.ts'
import { leftUploads, logViolations, violationsOf } from './check.ts'
import { Connector, type Variant } from './connector.ts'
import { troubleConnector } from './connector-faults.ts'
import { TOPICS, topicsOf } from './events.ts'
import { KafkaWitness, readBucket } from './evidence.ts'
import { NumberedProducer } from './numbered-producer.ts'
import { troubleServers } from './server-faults.ts'
import { type FaultyServers, LANES } from './servers.ts'
import { KILL, Tally } from './tally.ts'

export interface RoundOptions {
  readonly servers: FaultyServers
  /** Decides which faults come in which order, and when; what they meet is up to the machine. */
  readonly seed: number
  /** The faults stop after so many. */
  readonly kills: number
  /** Connectors side by side on the same events. */
  readonly variants: readonly Variant[]
  /** A name that no other round on these servers has. */
  readonly name: string
  readonly logDir: string
  readonly progress: (line: string) => void
}

export interface RoundOutcome {
  readonly seed: number
  readonly tally: Tally
  readonly events: number
  readonly acknowledged: number
  readonly objects: number
  /** By connector: what must not be. */
  readonly violations: ReadonlyMap<string, readonly string[]>
}

const EVENTS_PER_SECOND = 300
/** Once the faults have stopped, everything must be delivered, and nobody may stand still for so long: a machine with other work on it is slow. */
const HEALING_MS = 90_000
const MOST_HEALING_MS = 900_000
/** One that is broken on purpose may never be done: its partitions have stopped when it has committed nothing for so long. */
const STANDSTILL_MS = 5_000
const POLL_MS = 100
const PROGRESS_EVERY_POLLS = 100

/**
 * Some connectors on the same events, and faults; then the faults stop, everything must be delivered and every sink must end in
 * good order, and what is in the buckets is compared with what is in Kafka.
 */
export async function runRound(options: RoundOptions): Promise<RoundOutcome> {
  const { servers, seed, variants, name } = options
  const tally = new Tally()
  mkdirSync(options.logDir, { recursive: true })
  const topics = topicsOf(name)
  for (const [i, topic] of topics.entries())
    await createTopics(servers.bootstrapServers, [topic], Object.values(TOPICS)[i])
  const connectors = await Promise.all(
    variants.map((variant, i) =>
      Connector.create({
        ...{ servers, namespace: name, name: `${name}-${i}`, seed: seed * 1000 + i * LANES, tally },
        logDir: options.logDir,
        ...variant,
      }),
    ),
  )
  const producer = new NumberedProducer(servers.bootstrapServers, name)
  const witness = await KafkaWitness.connect(servers.bootstrapServers)
  try {
    producer.start(EVENTS_PER_SECOND)
    for (const connector of connectors) connector.scale(3)
    await trouble(connectors, tally, options)
    options.progress('no more faults: everything must be delivered now')
    await Promise.all(connectors.map((connector) => connector.settle()))
    await producer.stop()
    const unfinished = await untilFinished(connectors, topics, witness)
    await Promise.all(connectors.map((connector) => connector.end()))
    await servers.s3Proxy.idle()
    options.progress('every sink has ended: comparing')
    const log = await witness.read(topics)
    const violations = new Map<string, readonly string[]>()
    let objects = 0
    for (const connector of connectors) {
      const found = await readBucket(connector.bucket)
      objects += found.length
      violations.set(connector.name, [
        ...logViolations(log, producer.acknowledged),
        ...unfinished.filter((line) => line.startsWith(`${connector.name}:`)),
        ...(await witness.unfinished(connector.name, topics)),
        ...connector.anomalies,
        ...violationsOf(log, found),
        ...leftUploads(await connector.bucket.uploads(), await connector.bucket.objects(), connector.uploadsTold),
      ])
    }
    return { seed, tally, events: log.length, acknowledged: producer.acknowledged.size, objects, violations }
  } finally {
    await Promise.all(connectors.map((connector) => connector.end()))
    await witness.close()
  }
}

async function trouble(connectors: readonly Connector[], tally: Tally, options: RoundOptions): Promise<void> {
  const { servers, seed, kills, progress } = options
  servers.s3Proxy.onMishap = (mishap, operation) => {
    tally.add(`S3 request: ${mishap}`)
    if (operation === 'CompleteMultipartUpload') tally.add(`S3 request of these, ${operation}: ${mishap}`)
  }
  servers.s3Proxy.onPassedOn = (operation) => tally.add(`S3 request passed on: ${operation}`)
  const ending = new AbortController()
  const scene = { servers, tally, groupIds: connectors.map(({ name }) => name), over: ending.signal }
  const troubled = Promise.all([
    troubleServers(scene, seed * 1000 + 900),
    ...connectors.map((connector, i) => troubleConnector({ ...scene, connector }, seed * 1000 + 500 + i)),
  ])
  try {
    for (let turn = 1; tally.of(KILL) < kills; turn++) {
      await Promise.race([troubled, delay(POLL_MS)])
      if (turn % PROGRESS_EVERY_POLLS === 0) progress(`${tally.of(KILL)} of ${kills} kills`)
    }
  } finally {
    ending.abort()
  }
  await troubled
}

/** Waits until every group has committed everything. @returns what it has not when nothing has moved for too long */
async function untilFinished(
  connectors: readonly Connector[],
  topics: readonly string[],
  witness: KafkaWitness,
): Promise<string[]> {
  let unfinished: string[] = []
  let changedAtMs = Date.now()
  const look = async () => {
    const found = await Promise.all(connectors.map(({ name }) => witness.unfinished(name, topics)))
    if (found.flat().join() !== unfinished.join()) changedAtMs = Date.now()
    unfinished = found.flat()
    const waitsForOurs = connectors.some(({ isBroken }, i) => !isBroken && found[i]?.length)
    const hasStopped = Date.now() - changedAtMs > (waitsForOurs ? HEALING_MS : STANDSTILL_MS)
    if (unfinished.length > 0 && !hasStopped) throw new Error(unfinished.join())
  }
  await eventually(MOST_HEALING_MS, look, 300).catch(() => {})
  return unfinished
}

export function violationsIn({ violations }: RoundOutcome): string[] {
  return [...violations.values()].flat()
}

/** The logs of a round's sinks. */
export function logDirOf(dir: string, seed: number): string {
  return join(dir, `seed-${seed}`)
}
