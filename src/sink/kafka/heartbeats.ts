import { backoffMs } from '../../lib/backoff.ts'
import { type Clock, sleep } from '../../lib/clock.ts'
import type { Generation, GroupMember } from './group-member.ts'
import { isFenced, reasonOf } from './kafka-error.ts'

export interface HeartbeatOptions {
  readonly member: Pick<GroupMember, 'heartbeat'>
  readonly generation: Generation
  readonly clock: Clock
  readonly intervalMs: number
  /** Ends the heartbeats. */
  readonly signal: AbortSignal
  /** The group rebalances; heartbeats go on, so that there is time to finish. */
  readonly onRebalance: () => void
  /** This member is not in the group any more; ends the heartbeats. */
  readonly onFenced: (error: unknown) => void
  /** Null: the last one was answered. */
  readonly onTrouble: (error: unknown) => void
}

/** Keeps the session alive independently of what handlers do. A coordinator that moves or restarts is found again without leaving the group. */
export async function keepAlive(options: HeartbeatOptions): Promise<void> {
  const { member, generation, clock, intervalMs, signal } = options
  let failures = 0
  await sleep(clock, intervalMs, signal)
  while (!signal.aborted) {
    try {
      await member.heartbeat(generation)
      failures = 0
      options.onTrouble(null)
    } catch (error) {
      if (signal.aborted) return
      if (isFenced(error)) return options.onFenced(error)
      if (reasonOf(error) === 'REBALANCE_IN_PROGRESS') {
        failures = 0
        options.onRebalance()
      } else if (++failures > 1) options.onTrouble(error)
    }
    await sleep(clock, failures === 0 ? intervalMs : backoffMs(failures, { initialMs: 250, maxMs: intervalMs }), signal)
  }
}
