import { whenAborted } from '../../lib/lifecycle.ts'
import type { CommittedOffset, PartitionHandler, RevocationReason, SourceListener, Tenure } from '../record-source.ts'
import { LeaderEpochs, UNKNOWN_EPOCH } from './leader-epochs.ts'
import type { FoundOffset } from './offset-calls.ts'

export interface HeldPartitionOptions {
  readonly topic: string
  readonly partition: number
  readonly clusterId: string
  readonly topicId?: string | undefined
  readonly isNewcomer: boolean
  readonly committed: FoundOffset
  /** Sends one commit, once, under the member's generation; not when `ended`. */
  readonly commit: (commit: FoundOffset, ended: AbortSignal) => Promise<void>
  /** Begins to read for the handler. No call of it may begin once `givenUp` aborts. */
  readonly read: (
    tenure: Tenure,
    handler: PartitionHandler,
    givenUp: AbortSignal,
    epochs: LeaderEpochs,
  ) => Promise<void>
  /** The listener or its handler threw while the tenure lasted. */
  readonly onFailed: (tenure: Tenure, error: unknown) => void
}

/**
 * One tenure and its handler, over as many generations as its member keeps the partition. A handler hears exactly one of two things: `revoked`, which settles before the tenure ends,
 * or `lost` (also after a `revoked` that failed or took too long). No method rejects.
 */
export class HeldPartition {
  readonly tenure: Tenure
  readonly #options: HeldPartitionOptions
  #lastCommitted: CommittedOffset
  readonly #ended = new AbortController()
  readonly #epochs: LeaderEpochs
  #handler: Promise<PartitionHandler | null> = Promise.resolve(null)
  readonly #givenUp = new AbortController()

  constructor(options: HeldPartitionOptions) {
    const { topic, partition, clusterId, topicId, isNewcomer, commit } = options
    const { offset, metadata } = options.committed
    const committed = { offset, metadata }
    const ended = this.#ended.signal
    this.#options = options
    // Without metadata the offset is a tool's, and its epoch, if any, of no record that was read: the leader's at that time, or 0.
    this.#epochs = new LeaderEpochs(metadata === '' ? { offset, leaderEpoch: UNKNOWN_EPOCH } : options.committed)
    this.tenure = {
      topic,
      partition,
      clusterId,
      topicId,
      isNewcomer,
      committed,
      ended,
      leaderEpochBefore: (offset) => this.#epochs.lastBefore(offset)?.epoch ?? null,
      commit: async (offset, metadata) => {
        await commit({ offset, leaderEpoch: this.#epochs.before(offset), metadata }, ended)
        this.#lastCommitted = { offset, metadata }
      },
    }
    this.#lastCommitted = committed
  }

  get name(): string {
    return `${this.tenure.topic}-${this.tenure.partition}`
  }

  get hasEnded(): boolean {
    return this.#ended.signal.aborted
  }

  /** Whether what the coordinator has is what we committed last, so that nobody else has touched it. Not while a commit is under way. */
  isUntouched({ offset, metadata }: CommittedOffset): boolean {
    return offset === this.#lastCommitted.offset && metadata === this.#lastCommitted.metadata
  }

  /** Hands the tenure to the listener and, once it has a handler, reads for it. */
  async begin(listener: Pick<SourceListener, 'assigned'>): Promise<void> {
    this.#handler = this.#guard(async () => listener.assigned(this.tenure))
    const handler = await this.#handler
    const givenUp = this.#givenUp.signal
    if (handler && !givenUp.aborted)
      await this.#guard(() => this.#options.read(this.tenure, handler, givenUp, this.#epochs))
  }

  /** Lets the handler finish and commit, until `deadline` aborts; then ends the tenure. Nothing where that has ended. */
  async revoke(reason: RevocationReason, deadline: AbortSignal): Promise<void> {
    if (this.hasEnded) return
    this.#givenUp.abort()
    const finished = this.#guard(async () => {
      const handler = await this.#handler
      await handler?.revoked(reason, deadline)
      return true
    })
    const inTime = await Promise.race([finished, whenAborted(deadline)])
    if (inTime) this.#ended.abort()
    else this.lose()
  }

  /** Ends the tenure at once. */
  lose(): void {
    if (this.#ended.signal.aborted) return
    this.#ended.abort()
    this.#givenUp.abort()
    void this.#handler.then((handler) => handler?.lost())
  }

  async #guard<T>(action: () => Promise<T>): Promise<T | null> {
    try {
      return await action()
    } catch (error) {
      if (!this.#ended.signal.aborted) this.#options.onFailed(this.tenure, error)
      return null
    }
  }
}
