import {
  type PartitionHandler,
  type SourceListener,
  type Tenure,
  TenureLostError,
} from '../../src/sink/record-source.ts'

/**
 * A partition that comes back to a process, to whatever member of the group it is by then, goes on with the buffers that it
 * had when it was lost.
 */
export function keepingBuffers(): (listener: SourceListener) => SourceListener {
  const kept = new Map<number, KeptPartition>()
  return (listener) => ({
    ...listener,
    assigned: async (tenure) => {
      const before = kept.get(tenure.partition)
      if (before?.isUsable) return before.continueIn(tenure)
      before?.forget()
      const partition = new KeptPartition(tenure)
      kept.set(tenure.partition, partition)
      await partition.begin(listener)
      return partition
    },
  })
}

/** Stands between the source and the sink's handler, and lets that live on when its tenure is lost. */
class KeptPartition implements PartitionHandler {
  isUsable = true
  startAt: PartitionHandler['startAt'] = 'earliest'
  #tenure: Tenure
  #handler: PartitionHandler | null = null
  #handling: Promise<void> = Promise.resolve()

  constructor(tenure: Tenure) {
    this.#tenure = tenure
  }

  async begin(listener: SourceListener): Promise<void> {
    const never = new AbortController().signal
    const commit = (offset: bigint, metadata: string) => this.#commit(offset, metadata)
    this.#handler = await listener.assigned({ ...this.#tenure, ended: never, commit })
    this.startAt = this.#handler.startAt
  }

  async continueIn(tenure: Tenure): Promise<this> {
    this.#tenure = tenure
    await this.#handling
    return this
  }

  forget(): void {
    this.isUsable = false
    this.#handler?.lost()
  }

  async records(batch: Parameters<PartitionHandler['records']>[0]): Promise<void> {
    this.#handling = this.#handler?.records(batch) ?? Promise.resolve()
    this.startAt = batch.nextOffset
    await this.#handling
  }

  async outOfRange(...where: Parameters<PartitionHandler['outOfRange']>): Promise<bigint | null> {
    return this.#handler?.outOfRange(...where) ?? null
  }

  async truncated(...where: Parameters<PartitionHandler['truncated']>): Promise<bigint | null> {
    return this.#handler?.truncated(...where) ?? null
  }

  async revoked(...how: Parameters<PartitionHandler['revoked']>): Promise<void> {
    this.isUsable = false
    await this.#handler?.revoked(...how)
  }

  /** Nothing is forgotten. */
  lost(): void {}

  async #commit(offset: bigint, metadata: string): Promise<void> {
    try {
      if (!this.isUsable && this.#tenure.ended.aborted) throw new TenureLostError('forgotten')
      await this.#tenure.commit(offset, metadata)
    } catch (error) {
      this.isUsable = false
      throw error
    }
  }
}
