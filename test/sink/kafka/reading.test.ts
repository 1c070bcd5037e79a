import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { failureReasonOf } from '../../../src/contract/failure-reason.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { createLogger } from '../../../src/lib/logger.ts'
import type { KafkaCluster } from '../../../src/sink/kafka/cluster.ts'
import { LeaderEpochs, UNKNOWN_EPOCH } from '../../../src/sink/kafka/leader-epochs.ts'
import { Problems } from '../../../src/sink/kafka/problems.ts'
import { type ApiCall, EARLIEST } from '../../../src/sink/kafka/protocol.ts'
import { Reading } from '../../../src/sink/kafka/reading.ts'
import type { LogRange, Tenure } from '../../../src/sink/record-source.ts'
import { consecutive, encodeBatch } from '../../support/record-batches.ts'
import { RecordingHandler } from '../../support/recording-listener.ts'
import { type Asked, FakeLeaders } from './fake-leaders.ts'
import { logUpTo, range, within } from './loops-on-fake-leaders.ts'

const TENURE = { topic: 't', partition: 0, committed: { offset: -1n, metadata: '' } } as Tenure
const newEpochs = () => new LeaderEpochs({ offset: -1n, leaderEpoch: UNKNOWN_EPOCH })
const OUT_OF_RANGE = [{ partition: 0, errorCode: 1 }]

/** Brokers that tell where the log begins and ends, too. */
class FakeLog extends FakeLeaders {
  log: LogRange = { startOffset: 0n, endOffset: 5n }
  asksForEnds = 0

  override async connectionToNode(node: number) {
    const connection = await super.connectionToNode(node)
    return {
      ...connection,
      send: async <R>(call: ApiCall<R>) => {
        if (call.request.apiName !== 'ListOffsets') return connection.send(call)
        this.asksForEnds++
        const isStart = JSON.stringify(call.parameters).includes(`"timestamp":${EARLIEST}`)
        const offset = String(isStart ? this.log.startOffset : this.log.endOffset)
        return { responses: [{ topic: 't', partitions: [{ partition: 0, errorCode: 0, offset }] }] } as R
      },
    }
  }
}

let leaders: FakeLog
let reading: Reading
let problem: string | null
let givenUp: AbortController

beforeEach(() => {
  leaders = new FakeLog()
  leaders.leaders.set(0, 1)
  leaders.answer = logUpTo(5n)
  givenUp = new AbortController()
  problem = null
  reading = new Reading({
    cluster: leaders as unknown as KafkaCluster,
    clock: { ...systemClock, after: (delayMs, callback) => systemClock.after(Math.min(delayMs, 200), callback) },
    logger: createLogger('silent'),
    problems: new Problems((line) => {
      problem = line
    }),
    maxBufferedBytes: 1_000_000,
  })
})

afterEach(() => reading.close())

function begin(startAt: bigint | 'earliest' | 'latest'): RecordingHandler {
  const handler = new RecordingHandler(TENURE, startAt)
  void reading.begin(TENURE, handler, givenUp.signal, newEpochs())
  return handler
}

describe('a handler', () => {
  it('begins where it says', async () => {
    const handler = begin(2n)
    await within(() => expect(handler.offsets).toEqual([2n, 3n, 4n]))
    expect(leaders.asksForEnds).toBe(0)
  })

  it.each([
    ['earliest', 3n],
    ['latest', 5n],
  ] as const)('that begins at the %s offset is told where that is before it is given any record', async (end, at) => {
    leaders.log = { startOffset: 3n, endOffset: 5n }
    const handler = new RecordingHandler(TENURE, end)
    const told: bigint[] = []
    handler.onRecords = async ({ nextOffset }) => void told.push(nextOffset)
    void reading.begin(TENURE, handler, givenUp.signal, newEpochs())
    await within(() => expect(told[0]).toBe(at))
    await within(() => expect(handler.offsets).toEqual(range(5).slice(Number(at))))
  })

  it('that is given up is given nothing any more', async () => {
    const handler = begin(0n)
    await within(() => expect(handler.offsets).toHaveLength(5))
    givenUp.abort()
    leaders.answer = logUpTo(9n)
    await delay(60)
    expect(handler.offsets).toHaveLength(5)
  })

  it('that is given up while its beginning is looked for is not told it', async () => {
    const handler = begin('earliest')
    givenUp.abort()
    await delay(30)
    expect(handler.position).toBe(-1n)
  })
})

test('a batch that cannot be read is told, in words that the operator knows, until it can be', async () => {
  leaders.answer = async ({ offsets }) => {
    const isAtBad = offsets.get('t-0') === 3n
    const bad = { baseOffset: 3n, records: consecutive(3n, 2), codec: 'codec5' } as const
    return isAtBad ? [{ partition: 0, data: await encodeBatch(bad) }] : logUpTo(3n)({ offsets } as Asked)
  }
  const handler = begin(0n)
  await within(() => expect(problem).not.toBeNull())
  expect(handler.offsets).toEqual(range(3))
  expect(problem).toMatch(
    /^t partition 0 is stopped: offset 3: compressed with codec 5, which is not known\. It is read again every minute\. .* to 5 by a Kafka tool/,
  )
  expect(failureReasonOf(String(problem))).toBe('PartitionStopped')
  leaders.answer = logUpTo(9n)
  await within(() => expect([handler.offsets, problem]).toEqual([range(9), null]))
})

describe('what is read again of what an earlier owner promised', () => {
  /** Until 9, of a log that is said to end at 5. */
  function beginReplay(): RecordingHandler {
    const handler = new RecordingHandler(TENURE, 2n)
    handler.promisedTo = 9n
    void reading.begin(TENURE, handler, givenUp.signal, newEpochs())
    return handler
  }

  /** To whoever asks for what lies behind the end of the log. */
  const endsAt5 = async (asked: Asked) => (asked.offsets.get('t-0') === 9n ? OUT_OF_RANGE : logUpTo(5n)(asked))

  it('is not read where the log ends before the promise does: on a quiet topic that would be waited for in silence', async () => {
    leaders.answer = endsAt5
    const handler = beginReplay()
    await within(() => expect(handler.missing).toEqual([{ position: 9n, log: leaders.log }]))
    expect(handler.offsets).toEqual([])
  })

  it('is read where the leader has it all the same, and only has not told so far how much of it all others have', async () => {
    leaders.answer = logUpTo(9n)
    const handler = beginReplay()
    await within(() => expect(handler.offsets).toEqual(range(9).slice(2)))
    expect(handler.missing).toEqual([])
  })

  it('is read where the log reaches as far as the promise, or begins behind it', async () => {
    for (const log of [
      { startOffset: 0n, endOffset: 9n },
      { startOffset: 9n, endOffset: 9n },
    ]) {
      leaders.log = log
      leaders.answer = endsAt5
      const handler = beginReplay()
      await within(() => expect(handler.offsets).toEqual([2n, 3n, 4n]))
      expect(handler.missing).toEqual([])
      givenUp.abort()
      givenUp = new AbortController()
    }
  })
})

describe('a position that a broker says is out of range', () => {
  /** Says so until the ends of the log were asked for. */
  const says = () => {
    leaders.answer = async (asked) => (leaders.asksForEnds < 2 ? OUT_OF_RANGE : logUpTo(9n)(asked))
  }

  it.each([
    ['its beginning', { startOffset: 4n, endOffset: 9n }],
    ['its middle', { startOffset: 0n, endOffset: 9n }],
    ['its end', { startOffset: 0n, endOffset: 4n }],
  ])(
    'and that the log holds after all, at %s, is read on from: it was a leader that had not caught up',
    async (_where, log) => {
      leaders.log = log
      says()
      const handler = begin(4n)
      await within(() => expect(handler.offsets).toEqual([4n, 5n, 6n, 7n, 8n]))
      expect(handler.missing).toEqual([])
    },
  )

  it('and that the log holds after all is told while that lasts, as of tiered storage that has lost a segment', async () => {
    leaders.answer = async () => OUT_OF_RANGE
    const handler = begin(4n)
    await within(() =>
      expect(problem).toMatch(/^Kafka fetch of t-0: the broker does not give .* \(OFFSET_OUT_OF_RANGE\)$/),
    )
    leaders.answer = logUpTo(9n)
    await within(() => expect([handler.offsets, problem]).toEqual([[4n, 5n, 6n, 7n, 8n], null]))
    expect(handler.missing).toEqual([])
  })

  it('is left to the handler, which says where to go on', async () => {
    leaders.log = { startOffset: 6n, endOffset: 9n }
    says()
    const handler = new RecordingHandler(TENURE, 2n)
    handler.onOutOfRange = ({ startOffset }) => startOffset
    void reading.begin(TENURE, handler, givenUp.signal, newEpochs())
    await within(() => expect(handler.offsets).toEqual([6n, 7n, 8n]))
    expect(handler.missing).toEqual([{ position: 2n, log: leaders.log }])
  })

  it('is no concern of a handler that is given up meanwhile', async () => {
    leaders.log = { startOffset: 6n, endOffset: 9n }
    says()
    const handler = begin(2n)
    await within(() => expect(leaders.asked.length).toBeGreaterThan(0))
    givenUp.abort()
    await delay(60)
    expect([handler.missing, handler.offsets]).toEqual([[], []])
  })
})
