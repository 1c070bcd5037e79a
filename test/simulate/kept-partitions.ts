import type { Send } from './design.ts'
import { isIntent } from './design.ts'
import { assigned, claimsOf } from './group-tampering.ts'
import type { SimulatedCoordinator } from './simulated-coordinator.ts'
import type { SimulatedReading } from './simulated-reading.ts'
import type { Tally } from './tally.ts'

/** Counts what one process keeps through rebalances: partitions, with what is buffered of them. */
export function countingKept(tally: Tally, coordinator: SimulatedCoordinator, reading: () => SimulatedReading | null) {
  let claims: readonly number[] = []
  return (send: Send): Send =>
    async (call) => {
      if (call.api === 'JoinGroup') claims = claimsOf(call.parameters)
      const answer = await send(call)
      if (call.api !== 'SyncGroup') return answer
      for (const partition of assigned(answer).filter((each) => claims.includes(each))) {
        const { offset, metadata } = coordinator.committedOffset(partition)
        const position = reading()?.positionOf(partition) ?? offset
        tally.add('partitions kept through a rebalance')
        if (position > offset) tally.add('… with records that were not committed yet')
        if (isIntent(metadata)) tally.add('… while a set was being written')
      }
      return answer
    }
}
