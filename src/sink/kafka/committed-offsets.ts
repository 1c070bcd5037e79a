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
 * What the group has committed, by `<topic>-<partition>`, asked for until the coordinator tells it; null once `signal` aborts.
 *
 * @param held left out of the answer where their topic may not be used any more; for `assigned`, that is an error to try again after
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
