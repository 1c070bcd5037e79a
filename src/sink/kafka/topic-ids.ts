import { backoffMs } from '../../lib/backoff.ts'
import { type Clock, sleep } from '../../lib/clock.ts'
import { TopicRecreatedError } from '../record-source.ts'
import type { ClusterMetadata, KafkaCluster } from './cluster.ts'
import { PASSING_FAILURES } from './kafka-error.ts'
import type { PartitionCommit } from './offset-calls.ts'

export interface TopicIdsOptions {
  readonly cluster: Pick<KafkaCluster, 'askLeader' | 'refresh'>
  readonly clock: Clock
}

/**
 * Tells a topic from another one of the same name that was created after it had been deleted. Offsets begin at 0 again there, and a
 * fetch names only topic and offset (before version 13), so a reader can come from the one into the other without noticing. Who asks
 * a partition's leader for the topic's id after it has read knows where everything was from that it read before: an id never comes back.
 */
export class TopicIds {
  readonly #options: TopicIdsOptions

  constructor(options: TopicIdsOptions) {
    this.#options = options
  }

  /**
   * By `<topic>-<partition>`, for those that are of another topic now. Asks until it is told or `ended`.
   *
   * @param onTrouble hears again and again why that takes more than a moment
   */
  async recreated(
    commits: readonly PartitionCommit[],
    ended: AbortSignal,
    onTrouble: (error: unknown) => void = () => {},
  ): Promise<Map<string, TopicRecreatedError>> {
    const found = new Map<string, TopicRecreatedError>()
    const known = commits.filter(({ topicId }) => topicId !== undefined)
    await Promise.all(
      known.map(async ({ topic, partition, topicId = '' }) => {
        const id = await this.#idNow(topic, partition, ended, onTrouble)
        if (id !== undefined && id !== topicId) found.set(`${topic}-${partition}`, new TopicRecreatedError(topicId, id))
      }),
    )
    return found
  }

  /** Undefined where the topic is not there at this moment, or where `ended` comes first. */
  async #idNow(
    topic: string,
    partition: number,
    ended: AbortSignal,
    onTrouble: (error: unknown) => void,
  ): Promise<string | undefined> {
    for (let attempt = 0; !ended.aborted; attempt++) {
      try {
        return (await this.#ask(topic, partition)).topics.get(topic)?.id
      } catch (error) {
        if (attempt >= PASSING_FAILURES) onTrouble(error)
        await sleep(this.#options.clock, backoffMs(attempt, { initialMs: 100, maxMs: 2_000 }), ended)
      }
    }
    return undefined
  }

  /** Any other broker where the leader does not answer: it has given us nothing lately. */
  async #ask(topic: string, partition: number): Promise<ClusterMetadata> {
    const { cluster } = this.#options
    return cluster.askLeader(topic, partition).catch(() => cluster.refresh())
  }
}
