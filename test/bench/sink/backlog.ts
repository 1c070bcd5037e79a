import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createTopics, gameTopic, kafkaClient } from '../../support/game-events.ts'
import { createLedTopics } from '../../support/led-topics.ts'

export const PARTITIONS = 12
/** Records of one produce request to one partition: near the 1 MB that Kafka takes by default. */
const REQUEST_BYTES = 512 * 1024

/** A topic full of game-telemetry events, produced once for as long as the servers run, and read again by a new group for each run. */
export interface Backlog {
  readonly topic: string
  readonly records: number
  readonly eventBytes: number
  /** Distinct event names, so with {eventName} in the path the objects that a partition's set has. */
  readonly eventNames: number
}

/** The backlog as it is on the servers already, or produces it: uncompressed, the same number of records to each partition. */
export async function backlogOn(
  bootstrapServers: string,
  wanted: Omit<Backlog, 'topic'>,
  progress: (line: string) => void,
): Promise<Backlog> {
  const { eventBytes, eventNames } = wanted
  const perPartition = Math.ceil(wanted.records / PARTITIONS)
  const records = perPartition * PARTITIONS
  const topic = gameTopic('acme', `bench-${eventBytes}-${eventNames}-${records}`)
  if ((await recordsIn(bootstrapServers, topic)) !== records) {
    progress(`producing ${records} events of ${eventBytes} bytes`)
    await createTopics(bootstrapServers, [topic], PARTITIONS)
    await produce(bootstrapServers, topic, perPartition, wanted)
  }
  return { topic, records, eventBytes, eventNames }
}

async function recordsIn(bootstrapServers: string, topic: string): Promise<number> {
  const admin = kafkaClient(bootstrapServers).admin()
  await admin.connect()
  try {
    if (!(await admin.listTopics()).includes(topic)) return 0
    const ends = await admin.fetchTopicOffsets(topic)
    const found = ends.reduce((sum, { high }) => sum + Number(high), 0)
    if (found > 0 && !topic.endsWith(`-${found}`)) throw new Error(`${topic} holds ${found} records: delete it`)
    return found
  } finally {
    await admin.disconnect()
  }
}

async function produce(
  bootstrapServers: string,
  topic: string,
  perPartition: number,
  { eventBytes, eventNames }: Pick<Backlog, 'eventBytes' | 'eventNames'>,
): Promise<void> {
  const producer = kafkaClient(bootstrapServers).producer()
  await producer.connect()
  const perRequest = Math.ceil(REQUEST_BYTES / eventBytes)
  const values = valuesOf(eventBytes, eventNames)
  let n = 0
  for (let sent = 0; sent < perPartition; sent += perRequest) {
    const count = Math.min(perRequest, perPartition - sent)
    const batchOf = (partition: number) =>
      Array.from({ length: count }, () => ({ partition, value: values[n++ % values.length] as string }))
    await producer.send({ topic, acks: 1, messages: Array.from({ length: PARTITIONS }, (_, p) => batchOf(p)).flat() })
  }
  await producer.disconnect()
}

/** A topic for `produceFor`. What was read long ago goes, so that the disk does not fill up. */
export async function streamingTopic(
  bootstrapServers: string,
  { eventBytes, eventNames }: Pick<Backlog, 'eventBytes' | 'eventNames'>,
): Promise<Backlog> {
  const topic = gameTopic('acme', `bench-stream-${Date.now()}`)
  const admin = kafkaClient(bootstrapServers).admin()
  await admin.connect()
  const configEntries = [
    { name: 'retention.bytes', value: String(100_000_000) },
    { name: 'segment.bytes', value: String(50_000_000) },
  ]
  await createLedTopics(admin, [{ topic, numPartitions: PARTITIONS, configEntries }])
  await admin.disconnect()
  return { topic, records: 0, eventBytes, eventNames }
}

const TURNS_PER_SECOND = 10

export interface SteadyStream extends Omit<Backlog, 'records'> {
  readonly bootstrapServers: string
  readonly megabytesPerSecond: number
}

/** Produces at a steady rate until the signal aborts; returns how many events. */
export async function produceFor(
  { bootstrapServers, topic, eventBytes, eventNames, megabytesPerSecond }: SteadyStream,
  signal: AbortSignal,
): Promise<number> {
  const values = valuesOf(eventBytes, eventNames)
  const producer = kafkaClient(bootstrapServers).producer()
  await producer.connect()
  const perTurn = Math.ceil((megabytesPerSecond * 1_000_000) / eventBytes / TURNS_PER_SECOND / PARTITIONS)
  let n = 0
  for (let turn = 1, beganAtMs = performance.now(); !signal.aborted; turn++) {
    const messages = Array.from({ length: perTurn * PARTITIONS }, (_, i) => ({
      partition: i % PARTITIONS,
      value: values[n++ % values.length] as string,
    }))
    await producer.send({ topic, acks: 1, messages })
    await delay(Math.max(0, beganAtMs + (turn * 1_000) / TURNS_PER_SECOND - performance.now()))
  }
  await producer.disconnect()
  return n
}

/** Making an event takes longer than sending it. One that comes again does so megabytes later, where no compression sees it. */
const DIFFERENT_BYTES = 60_000_000

function valuesOf(eventBytes: number, eventNames: number): string[] {
  return Array.from({ length: Math.ceil(DIFFERENT_BYTES / eventBytes) }, (_, n) =>
    gameEventOf(n, eventBytes, eventNames),
  )
}

const MAPS = ['canyon', 'harbour', 'old town', 'glacier', 'Überwald']
const WEAPONS = ['rifle', 'bow', 'grenade', 'knife', 'shield']

/** An event as a game client sends it, of exactly `bytes` bytes: its payload has as many hits as fit, and a note. */
function gameEventOf(n: number, bytes: number, eventNames: number): string {
  const at = new Date(Date.UTC(2026, 2, 1, 12) + (n % 600_000)).toISOString()
  const envelope = `"EventId":"${randomUUID()}","EventNamespace":"acme","EventName":"match${n % eventNames}","EventTimestamp":"${at}"`
  const client = `,"ClientTimestamp":"${at}","UserId":"u${(n * 7919) % 1_000_003}","DeviceType":"PC"`
  const match = `"map":"${MAPS[n % MAPS.length]}","ranked":${n % 3 === 0},"score":${(n * 31) % 10_000}`
  const isShort = bytes < 400
  const head = isShort ? `{${envelope},"Payload":{` : `{${envelope}${client},"Payload":{${match},"hits":[`
  const hitsEnd = isShort ? '' : '],'
  const room = bytes - Buffer.byteLength(head) - hitsEnd.length - '"note":""}}'.length
  const hits = isShort ? '' : hitsOf(n, room)
  return `${head}${hits}${hitsEnd}"note":"${'x'.repeat(Math.max(0, room - hits.length))}"}}`
}

function hitsOf(n: number, room: number): string {
  let hits = ''
  for (let i = 0; ; i++) {
    const at = (n * 17 + i * 113) % 900_000
    const [damage, x] = [((n * 13 + i * 7) % 1000) / 10, Math.round((n * 29 + i) % 40_000) / 100]
    const hit = `${i === 0 ? '' : ','}{"at":${at},"weapon":"${WEAPONS[(n + i) % WEAPONS.length]}","damage":${damage},"x":-${x},"critical":${(n + i) % 4 === 0}}`
    if (hits.length + hit.length > room) return hits
    hits += hit
  }
}
