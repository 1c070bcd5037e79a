import type { ClusterMetadata } from './cluster.ts'

const UNKNOWN_TOPIC_OR_PARTITION = 3

/**
 * Tells partitions that came while somebody watched from those that may have been there before: all that is in them is new. They
 * are found within a metadata refresh, by when events may have come.
 */
export class Newcomers {
  /** How many partitions a topic had when it was asked for first, since it was not there last. */
  readonly #partitions = new Map<string, number>()

  /** A topic that is not told of may be one that we may not see. */
  saw({ topics }: ClusterMetadata): void {
    for (const [topic, { errorCode, partitions }] of topics) {
      if (errorCode === UNKNOWN_TOPIC_OR_PARTITION) this.#partitions.set(topic, 0)
      else if (partitions.length > 0 && !this.#partitions.has(topic)) this.#partitions.set(topic, partitions.length)
    }
  }

  has(topic: string, partition: number): boolean {
    const before = this.#partitions.get(topic)
    return before !== undefined && partition >= before
  }
}
