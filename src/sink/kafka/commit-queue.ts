import { TenureLostError } from '../record-source.ts'
import type { PartitionCommit } from './offset-calls.ts'

/** A commit of one request is one batch of the offsets topic (message.max.bytes, 1 MiB), or refused as a whole; metadata is under 1 KiB. */
export const COMMITS_PER_REQUEST = 500

interface Waiting {
  readonly commit: PartitionCommit
  readonly ended: AbortSignal
  readonly settle: (error: Error | null) => void
}

/**
 * Sends the commits that come within one turn of the event loop together, in as few requests as Kafka takes them in. While it is suspended nothing is sent: from
 * before a JoinGroup until it is known which partitions are still ours, a commit could not say in which generation it is made.
 */
export class CommitQueue {
  readonly #send: (commits: readonly PartitionCommit[]) => Promise<(Error | null)[]>
  #waiting: Waiting[] = []
  readonly #underWay = new Set<Promise<void>>()
  #isSuspended = true
  #isScheduled = false

  /** @param send as GroupMember.commit: one error or null for each commit, or throws for all */
  constructor(send: (commits: readonly PartitionCommit[]) => Promise<(Error | null)[]>) {
    this.#send = send
  }

  /** Resolves when the commit was accepted. Throws what `send` says; TenureLostError if `ended` aborts before it is sent. */
  async commit(commit: PartitionCommit, ended: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<Error | null>()
    const waiting = { commit, ended, settle: resolve }
    const onEnd = () => {
      const isUnsent = this.#waiting.includes(waiting)
      this.#waiting = this.#waiting.filter((each) => each !== waiting)
      if (isUnsent) resolve(new TenureLostError('the tenure ended before its commit was sent'))
    }
    this.#waiting.push(waiting)
    if (ended.aborted) onEnd()
    ended.addEventListener('abort', onEnd, { once: true })
    this.#schedule()
    try {
      const error = await promise
      if (error) throw error
    } finally {
      ended.removeEventListener('abort', onEnd)
    }
  }

  /** Sends nothing more, and waits until what is under way has been answered or given up. */
  async suspend(): Promise<void> {
    this.#isSuspended = true
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  resume(): void {
    this.#isSuspended = false
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isSuspended || this.#waiting.length === 0) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      while (!this.#isSuspended && this.#waiting.length > 0) {
        const batch = this.#waiting.splice(0, COMMITS_PER_REQUEST)
        const sending = this.#sendAll(batch).finally(() => this.#underWay.delete(sending))
        this.#underWay.add(sending)
      }
    })
  }

  async #sendAll(batch: readonly Waiting[]): Promise<void> {
    try {
      const errors = await this.#send(batch.map(({ commit }) => commit))
      batch.forEach(({ settle }, i) => {
        settle(errors[i] ?? null)
      })
    } catch (error) {
      for (const { settle } of batch) settle(error as Error)
    }
  }
}
