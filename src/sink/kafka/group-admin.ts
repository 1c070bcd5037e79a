import type { TopicPartitions } from './assignment.ts'
import { Coordinator, type GroupCluster } from './coordinator.ts'
import { check, errorName } from './kafka-error.ts'
import { type FoundOffset, offsetFetchCall } from './offset-calls.ts'
import { type ApiCall, deleteGroupCall, describeGroupCall } from './protocol.ts'

/** A partition and what the group has committed for it. */
export interface GroupOffset extends FoundOffset {
  readonly topic: string
  readonly partition: number
}

/**
 * A consumer group as somebody sees it who is not a member. Each method makes one attempt, and throws KafkaError or
 * KafkaConnectionError.
 */
export class GroupAdmin {
  readonly #cluster: GroupCluster
  readonly groupId: string

  constructor(cluster: GroupCluster, groupId: string) {
    this.#cluster = cluster
    this.groupId = groupId
  }

  /** Whether it has members, or is about to. */
  async isActive(): Promise<boolean> {
    const { groups } = await this.#ask(describeGroupCall(this.groupId))
    check(`Kafka group ${this.groupId}: cannot be looked at`, groups[0]?.errorCode ?? -1)
    // Empty: no members, but offsets. Dead: not even offsets, or no such group.
    return !['Empty', 'Dead'].includes(groups[0]?.state ?? '')
  }

  /** Of every partition that it ever committed and that Kafka has not forgotten. */
  async offsets(): Promise<GroupOffset[]> {
    const everything: readonly TopicPartitions[] = []
    const { errorCode, responses } = await this.#ask(offsetFetchCall(this.groupId, everything))
    check(`Kafka group ${this.groupId}: cannot read committed offsets`, errorCode)
    return responses.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, errorCode: code, ...found }) => {
        check(`Kafka group ${this.groupId}: cannot read the committed offset of ${topic}-${partition}`, code)
        return { topic, partition, ...found }
      }),
    )
  }

  /** @returns false when there is no such group */
  async delete(): Promise<boolean> {
    const { results } = await this.#ask(deleteGroupCall(this.groupId))
    const code = results[0]?.errorCode ?? -1
    if (errorName(code) === 'GROUP_ID_NOT_FOUND') return false
    check(`Kafka group ${this.groupId}: cannot be deleted`, code)
    return true
  }

  async #ask<Response>(call: ApiCall<Response>): Promise<Response> {
    return (await new Coordinator(this.#cluster, this.groupId).connection('data')).send(call)
  }
}
