import pino from 'pino'
import { beforeEach } from 'vitest'
import type { SinkConfig } from '../../src/contract/sink-config.ts'
import { BodyEncoder } from '../../src/sink/encode/body-encoder.ts'
import { ObjectWriter, type ObjectWriterOptions } from '../../src/sink/object-writer.ts'
import { compilePlan } from '../../src/sink/plan.ts'
import { S3Error } from '../../src/sink/s3-errors.ts'
import { RecordSet, type SetObject } from '../../src/sink/set.ts'
import { SlabPool } from '../../src/sink/slab-pool.ts'
import { FakeBucket } from '../support/fake-bucket.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { ScriptedPartition, TOPIC } from '../support/scripted-source.ts'
import { event, sinkConfig } from '../support/sink-process.ts'

export const denied = new S3Error(
  'AccessDenied',
  'person',
  'S3 AccessDenied: PutObject on bucket acme-events (us-west-2)',
)

const encoder = new BodyEncoder()
const logger = pino({ base: null, timestamp: false }, { write: (line) => logged.push(JSON.parse(line)) })

/** Of the test that runs. */
export let bucket: FakeBucket
export let clock: FakeClock
/** What the writer told: the problems, the sizes of created objects, the lines of the log. */
export let problems: (string | null)[]
export let created: number[]
export let logged: { level: number }[]

/** To be called once by a file of tests. */
export function onBucket(): void {
  beforeEach(() => {
    bucket = new FakeBucket()
    clock = new FakeClock()
    problems = []
    created = []
    logged = []
  })
}

/** A closed set of one record for each name, and so with one object for each name that differs. */
export function setOf(names: readonly string[], config: SinkConfig = sinkConfig()): RecordSet {
  const set = new RecordSet(compilePlan(config), TOPIC, 0, 0n, new SlabPool(0))
  const log = new ScriptedPartition().append(...names.map((name, i) => event(i, { name })))
  for (const record of log.records) set.add(record, 0)
  return set
}

export function writerWith(parts: Partial<ObjectWriterOptions> = {}): ObjectWriter {
  return new ObjectWriter({
    ...{ store: bucket.store(), encoder, clock, logger, connector: 'games/game-events', checkBucket: async () => {} },
    ...parts,
  })
}

export interface Writing {
  readonly names?: readonly string[]
  readonly config?: SinkConfig
  readonly isPartial?: boolean
  readonly signal?: AbortSignal
  readonly writer?: ObjectWriter
}

/** Writes a set of these names: of one login, where nothing else is said. */
export function write({
  names = ['login'],
  config,
  isPartial = false,
  signal = new AbortController().signal,
  writer = writerWith(),
}: Writing = {}): Promise<SetObject[]> {
  const set = setOf(names, config)
  return writer.write({ set, objects: set.objects(), isPartial }, signal, {
    objectCreated: (bytes) => created.push(bytes),
    problem: (error) => problems.push(error),
  })
}
