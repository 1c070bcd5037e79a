import type { Admin, ITopicConfig } from 'kafkajs'
import { eventually } from './eventually.ts'

/** Creates topics and waits until every partition has a leader. kafkajs's own `waitForLeaders` gives up where a broker has not heard of a topic yet. */
export async function createLedTopics(admin: Admin, topics: ITopicConfig[]): Promise<void> {
  await admin.createTopics({ waitForLeaders: false, topics })
  await eventually(30_000, async () => {
    const metadata = await admin.fetchTopicMetadata({ topics: topics.map(({ topic }) => topic) })
    const leaderless = metadata.topics.flatMap(({ partitions }) => partitions.filter(({ leader }) => leader < 0))
    if (leaderless.length > 0) throw new Error(`${leaderless.length} new partitions have no leader`)
  })
}
