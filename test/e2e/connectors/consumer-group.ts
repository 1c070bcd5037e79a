import kafkajs from 'kafkajs'
import { expect } from 'vitest'
import { defaultGroupId } from '../../../src/contract/defaults.ts'
import { createLogger } from '../../../src/lib/logger.ts'
import { keepOffsetsName } from '../../../src/operator/desired/group-task.ts'
import { KafkaCluster } from '../../../src/sink/kafka/cluster.ts'
import { GroupAdmin } from '../../../src/sink/kafka/group-admin.ts'
import { eventually } from '../../support/eventually.ts'
import { type Scene, test } from '../scene.ts'

test.concurrent('with deletionPolicy DeleteConsumerGroup the consumer group goes with the connector, and without it stays', async ({
  scene,
}) => {
  const second = scene.otherBucket('second')
  await second.create()
  await scene.send(100)
  await Promise.all([
    scene.apply('deleted', { spec: { deletionPolicy: 'DeleteConsumerGroup' } }),
    scene.apply('retained', { bucketName: second.name }),
  ])
  await Promise.all([scene.ready('deleted'), scene.ready('retained')])
  await Promise.all([scene.settled(), scene.settled(30_000, second)])
  expect(await offsetsOf(scene, 'deleted')).not.toEqual([])

  await scene.kubectl('delete', 'ac', 'deleted', 'retained', '--timeout=90s')
  expect(await offsetsOf(scene, 'deleted')).toEqual([])
  expect(await offsetsOf(scene, 'retained')).not.toEqual([])
  await told(scene, 'ConsumerGroupDeleted', [`${group(scene, 'deleted')} was deleted with the connector`])
  await eventually(60_000, async () => expect(await scene.kubectl('get', 'jobs,pods', '-o', 'name')).toBe(''))
})

test.concurrent('the offsets of a paused connector are committed again, unchanged, and what expired meanwhile is told exactly', async ({
  scene,
}) => {
  await scene.send(100)
  await scene.apply('paused')
  await scene.ready('paused')
  await scene.settled()
  await scene.patch('paused', { active: false })
  await scene.ready('paused')
  const before = (await offsetsOf(scene, 'paused')).toSorted((a, b) => a.partition - b.partition)
  expect(await offsetsKept(scene)).toMatchObject({ status: 'Unknown', reason: 'NotYetRenewed' })

  // As it does by itself once a day.
  await scene.kubectl('create', 'job', 'now', `--from=cronjob/${keepOffsetsName('paused')}`)
  await eventually(60_000, async () => {
    expect(await offsetsKept(scene)).toMatchObject({ status: 'True', reason: 'Renewed' })
  })
  const after = (await offsetsOf(scene, 'paused')).toSorted((a, b) => a.partition - b.partition)
  expect(after).toEqual(before)
  expect((await scene.get('paused')).status?.offsetsRenewedAt).toMatch(/^\d{4}-\d\d-\d\dT/)

  await scene.send(30)
  const ends = await expireAll(scene)
  const lost = before
    .map(({ topic, partition, offset }) => ({ topic, partition, from: `${offset}`, to: ends.get(partition) ?? '' }))
    .filter(({ from, to }) => from !== to)
  await scene.patch('paused', { active: true })
  await scene.ready('paused')
  expect(await scene.kubectl('get', 'cronjobs', '-o', 'name')).toBe('')
  await eventually(30_000, async () => expect((await scene.get('paused')).status?.lost?.offsets).toBe(30))
  const ranges = (await scene.get('paused')).status?.lost?.ranges.map(({ at: _, ...range }) => range) ?? []
  expect(ranges.toSorted((a, b) => a.partition - b.partition)).toEqual(lost)
  const notes = lost.map(
    ({ topic, partition, from, to }) =>
      `${topic}-${partition} ${from}..${Number(to) - 1} (${Number(to) - Number(from)})`,
  )
  await told(scene, 'OffsetsExpired', notes)
})

/** Events come a moment after what they tell of: the status, or that the connector is gone. */
async function told(scene: Scene, reason: string, notes: readonly string[]): Promise<void> {
  await eventually(10_000, async () => {
    const events = await scene.kubectl('get', 'events', '--field-selector', `reason=${reason}`)
    for (const note of notes) expect(events).toContain(note)
  })
}

/** Removes every record of the scene's topic, as its retention does. Returns where each partition goes on. */
async function expireAll(scene: Scene): Promise<Map<number, string>> {
  const brokers = scene.stack.kafkaBootstrapServers.split(',')
  const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    const ends = await admin.fetchTopicOffsets(scene.topic)
    const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }))
    await admin.deleteTopicRecords({ topic: scene.topic, partitions })
    return new Map(ends.map(({ partition, high }) => [partition, high]))
  } finally {
    await admin.disconnect()
  }
}

const group = (scene: Scene, name: string) => defaultGroupId({ namespace: scene.id, name })

async function offsetsOf(scene: Scene, name: string) {
  const settings = {
    clientId: 'e2e',
    connectTimeoutMs: 5_000,
    requestTimeoutMs: 10_000,
    logger: createLogger('silent'),
  }
  const cluster = new KafkaCluster(scene.stack.kafkaBootstrapServers.split(','), settings)
  try {
    return await new GroupAdmin(cluster, group(scene, name)).offsets()
  } finally {
    cluster.close()
  }
}

async function offsetsKept(scene: Scene) {
  const { status } = await scene.get('paused')
  return status?.conditions?.find(({ type }) => type === 'OffsetsKept')
}
