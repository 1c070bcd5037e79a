import { afterEach, beforeEach } from 'vitest'
import { type Clock, systemClock } from '../../../src/lib/clock.ts'
import { FetchLoops } from '../../../src/sink/kafka/fetch-loop.ts'
import { LeaderEpochs, UNKNOWN_EPOCH } from '../../../src/sink/kafka/leader-epochs.ts'
import { PartitionReader } from '../../../src/sink/kafka/partition-reader.ts'
import { Problems } from '../../../src/sink/kafka/problems.ts'
import type { RecordBatch } from '../../../src/sink/record-source.ts'
import { eventually } from '../../support/eventually.ts'
import { consecutive, encodeBatch } from '../../support/record-batches.ts'
import { takeAll } from '../../support/source-records.ts'
import { type Answer, type Asked, FakeLeaders } from './fake-leaders.ts'

/** Of the test that runs; a new one for each. */
export let leaders: FakeLeaders
export let loops: FetchLoops
/** Problems, and what stopped readers. */
export let told: (string | null)[]
export let outOfRange: PartitionReader[]
/** What the handler of each partition got. */
export let offsets: Map<number, bigint[]>

/** To be called once by a file of tests. */
export function onFakeLeaders(): void {
  beforeEach(() => {
    leaders = new FakeLeaders()
    told = []
    outOfRange = []
    offsets = new Map()
    start()
  })

  afterEach(() => loops.close())
}

export function start(maxBufferedBytes = 16 * 2 ** 20, clock: Clock = systemClock): void {
  loops = new FetchLoops({
    cluster: leaders,
    clock,
    problems: new Problems((line) => told.push(line)),
    maxBufferedBytes,
  })
}

export function add(
  partition: number,
  handle: () => Promise<void> = async () => {},
  leader: number | null = 1,
): PartitionReader {
  leaders.leaders.set(partition, leader)
  const got: bigint[] = []
  offsets.set(partition, got)
  const records = async (batch: RecordBatch) => {
    got.push(...takeAll(batch).map(({ offset }) => offset))
    await handle()
  }
  const reader = new PartitionReader({
    topic: 't',
    partition,
    startOffset: 0n,
    handler: { records },
    epochs: new LeaderEpochs({ offset: 0n, leaderEpoch: UNKNOWN_EPOCH }),
    endOfEpoch: async () => null,
    onOutOfRange: () => outOfRange.push(reader),
    onTruncated: () => {},
    onFailed: (error) => told.push(String(error)),
    onUnreadable: (error) => told.push(String(error)),
  })
  loops.add(reader)
  return reader
}

export async function records(partition: number, from: bigint, count: number): Promise<Answer> {
  return { partition, data: await encodeBatch({ baseOffset: from, records: consecutive(from, count) }) }
}

/** Answers with one record for each partition that is asked for, while its offset is below `end`. */
export function logUpTo(end: bigint) {
  return async ({ offsets }: Asked): Promise<Answer[]> => {
    const due = [...offsets].filter(([, offset]) => offset < end)
    return Promise.all(due.map(([name, offset]) => records(Number(name.slice(2)), offset, 1)))
  }
}

export const within = <T>(check: () => T) => eventually(3_000, check, 5)
export const range = (end: number) => Array.from({ length: end }, (_, i) => BigInt(i))
export const never = () => new Promise<void>(() => {})
