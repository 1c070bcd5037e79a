import { FLUSH_REASONS, type FlushReason } from './flush-policy.ts'
import { LostRanges } from './lost-ranges.ts'
import { ORPHAN_OUTCOMES, type OrphanOutcome } from './orphaned-uploads.ts'
import { REJECT_REASONS, type RejectReason } from './rejects.ts'
import type { SetCounts } from './set.ts'

/**
 * What the sink counted since it started: plain numbers, as the hot path adds to them for every batch. `status` and
 * `/metrics` read them. A record is counted as read at once and as delivered, rejected or filtered when its set's end is
 * committed; given up with its partition it is `abandoned`, and its next owner reads it again.
 */
export class SinkStats {
  read = 0
  delivered = 0
  filtered = 0
  abandoned = 0
  objects = 0
  bytes = 0
  lastFlushMs: number | null = null
  readonly lost = new LostRanges()
  readonly orphanedUploads = new Map<OrphanOutcome, number>(ORPHAN_OUTCOMES.map((outcome) => [outcome, 0]))
  readonly rejected = new Map<RejectReason, number>(REJECT_REASONS.map((reason) => [reason, 0]))
  readonly flushes = new Map<FlushReason, number>(FLUSH_REASONS.map((reason) => [reason, 0]))

  get rejectedTotal(): number {
    return [...this.rejected.values()].reduce((sum, n) => sum + n, 0)
  }

  objectCreated(sizeBytes: number): void {
    this.objects++
    this.bytes += sizeBytes
  }

  orphansFound(outcome: OrphanOutcome, uploads: number): void {
    this.orphanedUploads.set(outcome, (this.orphanedUploads.get(outcome) ?? 0) + uploads)
  }

  setClosed(reason: FlushReason): void {
    this.flushes.set(reason, (this.flushes.get(reason) ?? 0) + 1)
  }

  setCommitted(counts: SetCounts, nowMs: number): void {
    this.delivered += counts.delivered
    this.filtered += counts.filtered
    for (const [reason, n] of counts.rejected) this.rejected.set(reason, (this.rejected.get(reason) ?? 0) + n)
    this.lastFlushMs = nowMs
  }

  setAbandoned(counts: SetCounts): void {
    this.abandoned += counts.read
  }
}
