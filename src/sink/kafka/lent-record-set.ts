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
