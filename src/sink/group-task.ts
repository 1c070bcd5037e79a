import { backoffMs } from '../lib/backoff.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import { describeError } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import type { ConnectionSettings } from './kafka/broker-connection.ts'
import { KafkaCluster } from './kafka/cluster.ts'
import { GroupAdmin } from './kafka/group-admin.ts'
import { keepOffsets } from './keep-offsets.ts'

/** What can be done for a connector's consumer group while no sink of it runs. */
export const GROUP_TASKS = ['keep-offsets', 'delete'] as const
export type GroupTask = (typeof GROUP_TASKS)[number]

export interface GroupTaskParts {
  readonly bootstrapServers: readonly string[]
  readonly groupId: string
  readonly connection: ConnectionSettings
  readonly clock: Clock
  readonly logger: Logger
  /** Gives up. */
  readonly ended: AbortSignal
}

const RETRY = { initialMs: 250, maxMs: 5_000 }

/**
 * Does it, and tries again whatever goes wrong until `ended`.
 *
 * @returns what was done, in one line
 * @throws what went wrong last
 */
export async function runGroupTask(task: GroupTask, parts: GroupTaskParts): Promise<string> {
  const { bootstrapServers, connection, groupId, clock, logger, ended } = parts
  const cluster = new KafkaCluster(bootstrapServers, connection)
  const admin = new GroupAdmin(cluster, groupId)
  const attempt = () => (task === 'delete' ? deleted(admin) : kept({ admin, cluster, clock, ended }))
  try {
    for (let failures = 0; ; failures++) {
      try {
        return await attempt()
      } catch (error) {
        if (ended.aborted) throw error
        logger.warn({ group: groupId, error: describeError(error) }, `${task} failed, trying again`)
        await sleep(clock, backoffMs(failures, RETRY), ended)
        if (ended.aborted) throw error
      }
    }
  } finally {
    cluster.close()
  }
}

/** Kafka refuses to delete a group that has members, also while they are still leaving. */
async function deleted(admin: GroupAdmin): Promise<string> {
  return (await admin.delete())
    ? `Kafka group ${admin.groupId} is deleted`
    : `there is no Kafka group ${admin.groupId}, nothing to delete`
}

async function kept(parts: Parameters<typeof keepOffsets>[0]): Promise<string> {
  const result = await keepOffsets(parts)
  const { groupId } = parts.admin
  if (result.kind === 'kept')
    return `Kafka group ${groupId}: offsets of ${result.partitions} partitions committed again`
  return result.kind === 'active'
    ? `Kafka group ${groupId} has members, who keep its offsets`
    : `Kafka group ${groupId} has no offsets`
}
