import { backoffMs } from '../../lib/backoff.ts'
import { type Clock, sleep } from '../../lib/clock.ts'
import type { TopicPartitions } from './assignment.ts'
import type { GroupMember } from './group-member.ts'
import { problemLine } from './kafka-error.ts'
import type { FoundOffset } from './offset-calls.ts'
import type { Problems } from './problems.ts'

export interface CommittedOffsetsOptions {
  readonly member: Pick<GroupMember, 'committedOffsets'>
  readonly clock: Clock
  /** What goes wrong more than once is told as `group`; taking it back is up to the caller. */
  readonly problems: Pick<Problems, 'set'>
  /** Ends the asking. */
  readonly signal: AbortSignal
}

/**
 * Asks the coordinator until it has told what the group has committed, by `<topic>-<partition>`; null once `signal` aborts.
 *
 * @param held those of a topic that may not be used any more are left out, those of `assigned` are asked for again
 */
export async function committedOffsets(
  { member, clock, problems, signal }: CommittedOffsetsOptions,
  assigned: readonly TopicPartitions[],
  held: readonly TopicPartitions[],
): Promise<Map<string, FoundOffset> | null> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      const committed = await member.committedOffsets(assigned, held)
      return signal.aborted ? null : committed
    } catch (error) {
      // Its generation is over: nobody would clear what is said of it.
      if (signal.aborted) return null
      if (attempt > 0) problems.set('group', problemLine(error))
      await sleep(clock, backoffMs(attempt, { initialMs: 100, maxMs: 3_000 }), signal)
    }
  }
  return null
}
