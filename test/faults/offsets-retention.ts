/**
 * Whether `keep-offsets` keeps offsets beyond Kafka's retention, and what does not. On a broker of its own with the shortest retention
 * there is (offsets.retention.minutes=1), three groups lose their last member; then nothing is done for one, its offsets are
 * committed from outside for another, and `keep-offsets` is run for the third. Takes two minutes.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { systemClock } from '../../src/lib/clock.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { runGroupTask } from '../../src/sink/group-task.ts'
import { KafkaCluster } from '../../src/sink/kafka/cluster.ts'
import { GroupAdmin } from '../../src/sink/kafka/group-admin.ts'
import { GroupMember } from '../../src/sink/kafka/group-member.ts'
import { offsetCommitCall } from '../../src/sink/kafka/offset-calls.ts'
import { findCoordinatorCall } from '../../src/sink/kafka/protocol.ts'
import { createBroker, installKafka } from '../stack/native/kafka-server.ts'
import { eventually } from '../support/eventually.ts'
import { createTopics } from '../support/game-events.ts'

const TOPIC = 'retention'
const COMMIT = { topic: TOPIC, partition: 0, offset: 7n, leaderEpoch: 2, metadata: '{"v":1,"endOffset":"9"}' }
const RETENTION = { 'offsets.retention.minutes': 1, 'offsets.retention.check.interval.ms': 1_000 }
const RENEWAL_MS = 25_000
/** Two and a half retentions. */
const RENEWALS = 6
const GROUPS = ['nothing', 'committed from outside', 'keep-offsets'] as const

const logger = createLogger('silent')
const connection = { clientId: 'retention', connectTimeoutMs: 5_000, requestTimeoutMs: 15_000, logger }

async function measure(bootstrapServers: string[]): Promise<boolean> {
  const clusters = new Map(GROUPS.map((group) => [group, new KafkaCluster(bootstrapServers, connection)]))
  const cluster = (group: (typeof GROUPS)[number]) => clusters.get(group) as KafkaCluster
  await createTopics(bootstrapServers.join(), [TOPIC])
  await Promise.all(GROUPS.map((group) => leave(cluster(group), group)))
  for (let i = 0; i < RENEWALS; i++) {
    await delay(RENEWAL_MS)
    if (i < RENEWALS - 1) await renew(bootstrapServers, cluster('committed from outside'))
  }
  const left = await Promise.all(GROUPS.map(async (group) => new GroupAdmin(cluster(group), group).offsets()))
  GROUPS.forEach((group, i) => {
    const offsets = left[i]?.map(({ offset, metadata }) => `${offset} ${metadata}`) ?? []
    process.stdout.write(`${group}: ${offsets[0] ?? 'forgotten'}\n`)
  })
  for (const each of clusters.values()) each.close()
  const [nothing, , kept] = left
  return nothing?.length === 0 && isDeepStrictEqual(kept, [COMMIT])
}

async function leave(cluster: KafkaCluster, groupId: string): Promise<void> {
  const member = new GroupMember({
    ...{ cluster, groupId, clock: systemClock, sessionTimeoutMs: 6_000, rebalanceTimeoutMs: 10_000 },
    partitionsOf: async () => new Map([[TOPIC, [0]]]),
  })
  const generation = await eventually(30_000, () => member.join([TOPIC], [], -1))
  await member.commit(generation, [COMMIT], new AbortController().signal)
  await member.leave()
}

async function renew(bootstrapServers: string[], outside: KafkaCluster): Promise<void> {
  const groupId = 'committed from outside'
  const { coordinator } = await outside.sendToAny(findCoordinatorCall(groupId))
  const nobody = { memberId: '', generationId: -1 }
  await (await outside.connectionTo(coordinator, 'data')).send(offsetCommitCall(groupId, nobody, [COMMIT]))
  const parts = { bootstrapServers, connection, logger, clock: systemClock, ended: AbortSignal.timeout(20_000) }
  process.stdout.write(`${await runGroupTask('keep-offsets', { ...parts, groupId: 'keep-offsets' })}\n`)
}

const dir = await mkdtemp(join(tmpdir(), 'offsets-retention-'))
const kafka = await installKafka({ progress: () => {} })
const { server, bootstrapServers } = await createBroker(kafka, dir, console.error, { settings: RETENTION })
await server.start()
try {
  if (!(await measure([bootstrapServers]))) process.exitCode = 1
} finally {
  await server.stop('SIGKILL')
  await rm(dir, { recursive: true, force: true })
}
