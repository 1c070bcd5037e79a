import type { Intent } from './commit-metadata.ts'
import type { Tenure } from './record-source.ts'
import { type RecordSet, type SetObject, setChecksum } from './set.ts'
import { replacedAfterPromise, replayDiffers } from './stop-reasons.ts'

/**
 * The set that an earlier owner promised, while it is read again: it ends where its intent says, and may be written only
 * where it comes out as it was promised.
 */
export class Replay {
  readonly intent: Intent
  /** Whether records of it have expired since they were promised. */
  isPartial = false

  constructor(intent: Intent) {
    this.intent = intent
  }

  /** Whether the set ends at or before this offset. */
  isOverAt(offset: bigint): boolean {
    return offset >= this.intent.endOffset
  }

  /** Why what was read is not what was promised; null where it is, as far as can be told of what is left. */
  difference(set: RecordSet, objects: readonly SetObject[], tenure: Tenure): string | null {
    const { intent } = this
    if (!this.isPartial) {
      // Nothing else: what ended the set (a marker, a filtered record) may have been compacted away since, and its epoch with it.
      const checksum = setChecksum(objects)
      return checksum === intent.checksum ? null : replayDiffers(set, intent, checksum)
    }
    const epochNow = tenure.leaderEpochBefore(intent.endOffset)
    return intent.leaderEpoch !== undefined && epochNow !== null && epochNow !== intent.leaderEpoch
      ? replacedAfterPromise(set, intent.leaderEpoch, epochNow)
      : null
  }
}
