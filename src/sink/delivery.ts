import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import type { FlushReason } from './flush-policy.ts'
import { encodeIntent, type Intent } from './intent.ts'
import type { ObjectWriter } from './object-writer.ts'
import type { Tenure } from './record-source.ts'
import { type RecordSet, type SetObject, setChecksum } from './set.ts'
import type { SinkStats } from './sink-stats.ts'

export interface DeliveryParts {
  readonly writer: ObjectWriter
  readonly stats: SinkStats
  readonly clock: Clock
  readonly logger: Logger
  /** What keeps this partition from being delivered, null when nothing does any more. */
  readonly problem: (error: string | null) => void
}

export interface ClosedSet {
  readonly set: RecordSet
  readonly reason: FlushReason
  /** Whether its intent is committed already: it was, by an earlier owner, for a set that is replayed. */
  readonly isPromised: boolean
}

/**
 * Makes a closed set durable: intent, objects, final commit, in this order, each only after the one before. A set
 * without objects (everything filtered) promises nothing and needs the final commit only.
 *
 * @param signal once aborted nothing is written or committed any more
 * @throws TenureLostError, ForeignObjectError, or the signal's reason; the set is then not delivered, perhaps half written
 */
export async function deliverSet(
  { set, reason, isPromised }: ClosedSet,
  tenure: Tenure,
  signal: AbortSignal,
  { writer, stats, clock, logger, problem }: DeliveryParts,
): Promise<void> {
  const startedMs = clock.now()
  const objects = set.objects()
  if (objects.length > 0) {
    stats.setClosed(reason)
    if (!isPromised)
      await tenure.commit(set.startOffset, encodeIntent(intentFor(set, reason, objects, tenure.clusterId)))
    const objectCreated = (sizeBytes: number) => stats.objectCreated(sizeBytes)
    await writer.write(set, objects, signal, { objectCreated, problem })
  }
  signal.throwIfAborted()
  await tenure.commit(set.endOffset, '')
  stats.setCommitted(set.counts, clock.now())
  const durationMs = clock.now() - startedMs
  logger.debug({ ...whereOf(set), reason, objects: objects.length, durationMs }, 'set delivered')
}

function intentFor(set: RecordSet, reason: FlushReason, objects: readonly SetObject[], clusterId: string): Intent {
  return {
    endOffset: set.endOffset,
    revision: set.plan.revision,
    clusterId,
    objects: objects.length,
    records: set.counts.read - set.counts.filtered,
    checksum: setChecksum(objects),
    reason,
  }
}

/** A set's place in the log, for log lines. */
export function whereOf({ topic, partition, startOffset, endOffset, counts }: RecordSet) {
  return { topic, partition, from: String(startOffset), to: String(endOffset), records: counts.read }
}
