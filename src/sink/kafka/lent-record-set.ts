import type { FetchedPartition } from './fetch-response.ts'
import type { RecordSet } from './record-batch.ts'

/** What one fetch brought for one partition, in memory of the whole answer until `moveOut`. */
export class LentRecordSet implements RecordSet {
  readonly highWatermark: RecordSet['highWatermark']
  readonly abortedTransactions: RecordSet['abortedTransactions']
  #data: Buffer

  constructor({ data, highWatermark, abortedTransactions }: FetchedPartition) {
    this.#data = data
    this.highWatermark = highWatermark
    this.abortedTransactions = abortedTransactions
  }

  get data(): Buffer {
    return this.#data
  }

  /** To memory of its own, byte for byte: positions in it stay what they are. */
  moveOut(): void {
    this.#data = Buffer.from(this.#data)
  }
}

/** The record sets of one answer that are still read. Their memory is kept until the last of them is done, or has moved out. */
export class LentAnswer {
  readonly #sets = new Set<LentRecordSet>()
  readonly #giveBack: () => void
  #isHandedOut = false

  /** @param keep keeps the memory of the answer until its result is called; calls `moveOut` if that takes too long */
  constructor(keep: (moveOut: () => void) => () => void) {
    this.#giveBack = keep(() => {
      // Who is not done by then copies its own part of the answer: a slow partition holds no more than that.
      for (const set of this.#sets) set.moveOut()
    })
  }

  lend(fetched: FetchedPartition): LentRecordSet {
    const set = new LentRecordSet(fetched)
    this.#sets.add(set)
    return set
  }

  done(set: LentRecordSet): void {
    this.#sets.delete(set)
    this.#giveBackIfDone()
  }

  /** Nothing more is lent. */
  handedOut(): void {
    this.#isHandedOut = true
    this.#giveBackIfDone()
  }

  #giveBackIfDone(): void {
    if (this.#isHandedOut && this.#sets.size === 0) this.#giveBack()
  }
}
