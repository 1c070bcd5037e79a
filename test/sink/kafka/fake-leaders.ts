import { setTimeout as delay } from 'node:timers/promises'
import type { AnswerMemory, AnswerRange } from '../../../src/sink/kafka/answer-memory.ts'
import type { FetchResponse } from '../../../src/sink/kafka/fetch-response.ts'
import type { ApiCall } from '../../../src/sink/kafka/protocol.ts'
import { WireReader } from '../../support/wire.ts'

export interface Asked {
  readonly node: number
  readonly maxWaitMs: number
  readonly maxBytes: number
  readonly offsets: ReadonlyMap<string, bigint>
}
export type Answer = Partial<FetchResponse['partitions'][number]> & { partition: number }

/** Brokers that answer with what the test says, when it says so. */
export class FakeLeaders {
  readonly asked: Asked[] = []
  readonly leaders = new Map<number, number | null>()
  refreshes = 0
  givenBack = 0
  onRefresh: () => void = () => {}
  answer: (asked: Asked) => Promise<Answer[]> = async () => []

  leaderOf(_topic: string, partition: number): number | null {
    return this.leaders.get(partition) ?? null
  }

  async refresh(): Promise<never> {
    this.refreshes++
    this.onRefresh()
    throw new Error('not needed')
  }

  /** Where answers land, if they are to: as small as a test wants it. */
  memory: AnswerMemory | null = null

  async connectionToNode(node: number) {
    let landed: AnswerRange | null = null
    return {
      keepAnswer: (moveOut: () => void) => {
        const range = landed
        if (range) range.moveOut = moveOut
        return () => {
          if (range === null) return
          this.memory?.give(range)
          this.givenBack++
        }
      },
      send: async <R>(call: ApiCall<R>) => {
        const asked = await readFetch(node, call)
        this.asked.push(asked)
        const answers = await this.answer(asked)
        // A broker with nothing to tell takes its time.
        await delay(answers.length === 0 ? Math.min(asked.maxWaitMs, 20) : 1)
        const empty = {
          topic: 't',
          errorCode: 0,
          highWatermark: 100n,
          lastStableOffset: 100n,
          abortedTransactions: [],
          data: Buffer.alloc(0),
        }
        const partitions = answers.map((partition) => ({ ...empty, ...partition }))
        landed = this.#land(partitions)
        return { clientSideThrottleTime: 0, errorCode: 0, partitions } as R
      },
    }
  }

  #land(partitions: { data: Buffer }[]): AnswerRange | null {
    const bytes = Buffer.concat(partitions.map(({ data }) => data))
    const range = this.memory?.take(bytes.length) ?? null
    if (range === null) return null
    bytes.copy(range.bytes)
    let at = 0
    for (const partition of partitions) {
      partition.data = range.bytes.subarray(at, at + partition.data.length)
      at += partition.data.length
    }
    return range
  }
}

async function readFetch(node: number, call: ApiCall<unknown>): Promise<Asked> {
  const { buffer } = await (call.request as unknown as { encode(): Promise<{ buffer: Buffer }> }).encode()
  const reader = new WireReader(buffer)
  reader.int32()
  const [maxWaitMs] = [reader.int32(), reader.int32()]
  const [maxBytes] = [reader.int32(), reader.int8(), reader.int64()]
  const topics = reader.list(() => {
    reader.string()
    return reader.list(() => {
      const [partition, , offset] = [reader.int32(), reader.int32(), reader.int64()]
      reader.int64()
      reader.int32()
      return [`t-${partition}`, offset] as const
    })
  })
  return { node, maxWaitMs, maxBytes, offsets: new Map(topics.flat()) }
}
