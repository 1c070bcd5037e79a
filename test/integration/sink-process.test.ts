import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { Bucket } from '../support/bucket.ts'
import { startCuttingProxy } from '../support/cutting-proxy.ts'
import { eventually } from '../support/eventually.ts'
import { createTopics, gameTopic, kafkaClient } from '../support/game-events.ts'
import { storeRevision } from '../support/sink-child.ts'
import { sinkStage } from '../support/sink-stage.ts'

const { s3, kafkaBootstrapServers, producer, folder, scene, start, startWith, produce } = sinkStage('sink')

it('delivers, tells so, and drains on SIGTERM with exit code 0', async () => {
  const { bucket, eventName, config } = await scene({ flush: { intervalMs: 600_000, events: 40, bytes: 1_000_000 } })
  await produce(eventName, 250)
  const sink = await start(config)
  await eventually(30_000, async () => expect((await sink.status()).records.read).toBe(250))
  expect(await sink.status()).toMatchObject({ state: 'ACTIVE', error: null, partitions: 3 })
  expect((await sink.get('/readyz')).status).toBe(200)
  expect((await sink.get('/metrics')).text).toContain(
    `analytics_connector_records_read_total{connector="test/${eventName}"} 250`,
  )
  sink.kill('SIGTERM')
  expect(await sink.exitCode).toBe(0)
  await bucket.expectExactly(producer.acknowledged)
})

it('shares the partitions between two sinks and keeps count when one of them leaves', async () => {
  const { bucket, eventName, config } = await scene()
  producer.startStream([{ namespace: 'acme', eventName }], 500)
  const [first, second] = [await start(config), await start(config)]
  const held = async () => Promise.all([first.status(), second.status()])
  await eventually(60_000, async () => {
    const [a, b] = await held()
    expect([a.partitions, b.partitions].sort()).toEqual([1, 2])
    expect([a.state, b.state]).toEqual(['ACTIVE', 'ACTIVE'])
  })
  first.kill('SIGTERM')
  expect(await first.exitCode).toBe(0)
  await eventually(60_000, async () => expect((await second.status()).partitions).toBe(3))
  await producer.stopStream()
  await eventually(60_000, async () => expect(await bucket.count()).toBe(producer.acknowledged.size), 500)
  await bucket.expectExactly(producer.acknowledged)
})

it('tells of a bucket that is not there, joins no group meanwhile, and delivers once it is', async () => {
  const { eventName, config } = await scene()
  const later = new Bucket(s3, `${eventName}-later`)
  await produce(eventName, 10)
  const sink = await start({ ...config, s3: { ...config.s3, bucketName: later.name } })
  const error = `S3 NoSuchBucket: ListObjectsV2 on bucket ${later.name} (${s3.region}): there is no such bucket: see spec.config.bucketName`
  await eventually(30_000, async () => expect(await sink.status()).toMatchObject({ state: 'FAILED', error }))
  expect(await sink.status()).toMatchObject({ partitions: 0, records: { read: 0 } })
  expect(await sink.get('/readyz')).toEqual({ status: 503, text: `${error}\n` })
  await later.create()
  await eventually(30_000, async () => expect(await sink.status()).toMatchObject({ state: 'ACTIVE', error: null }))
  await eventually(30_000, () => later.expectExactly(producer.acknowledged))
})

it('joins no group before a topic is there and the mounted revisions are whole, and says what is missing', async () => {
  const { bucket, eventName, config } = await scene()
  const later = `${eventName}-later`
  const topic = gameTopic('acme', later)
  const damaged = join(folder(), 'damaged')
  const started = { ...config, filter: { acme: [topic] } }
  const revision = await storeRevision(damaged, started)
  await writeFile(join(damaged, '0123456789.json'), '{}')
  const sink = startWith('--revision', revision, '--revisions-dir', damaged)
  const says = (error: unknown) =>
    eventually(30_000, async () => expect(await sink.status()).toMatchObject({ state: 'FAILED', error, partitions: 0 }))
  await says(expect.stringMatching(/0123456789\.json: the content is that of revision/))
  await rm(join(damaged, '0123456789.json'))
  await says(`Kafka topic ${topic} does not exist`)
  const admin = kafkaClient(kafkaBootstrapServers).admin()
  await admin.connect()
  const { groups } = await admin.listGroups().finally(() => admin.disconnect())
  expect(groups.map(({ groupId }) => groupId)).not.toContain(config.kafka.groupId)
  await createTopics(kafkaBootstrapServers, [topic])
  await produce(later, 10)
  await eventually(30_000, () => bucket.expectExactly(producer.acknowledged))
})

it('reads on behind events that expired while it was away, and tells exactly which', async () => {
  const { bucket, topic, config } = await scene({
    flush: { intervalMs: 600_000, events: 1_000, bytes: 1_000_000 },
  })
  // Where it begins is kept, though nothing was there to deliver.
  const first = await start(config)
  const admin = kafkaClient(kafkaBootstrapServers).admin()
  await admin.connect()
  await eventually(30_000, async () => {
    const [held] = await admin.fetchOffsets({ groupId: config.kafka.groupId, topics: [topic] })
    expect(held?.partitions.map(({ offset }) => offset)).toEqual(['0', '0', '0'])
  })
  first.kill('SIGTERM')
  expect(await first.exitCode).toBe(0)
  await producer.sendTo(topic, 0, 10)
  // kafkajs finds the leaders only of topics that it has read the metadata of.
  await admin.fetchTopicOffsets(topic)
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '7' }] })
  const second = await start(config)
  await eventually(30_000, async () =>
    expect((await second.status()).lost).toEqual({
      offsets: 7,
      ranges: [{ topic, partition: 0, from: '0', to: '7', at: expect.any(String), reason: 'expired' }],
    }),
  )
  await eventually(30_000, async () => expect((await second.status()).records.read).toBe(3))
  // Under way too: what was read before the gap is delivered, and so is what follows it.
  await producer.sendTo(topic, 0, 5)
  await eventually(30_000, async () => expect((await second.status()).records.read).toBe(8))
  expect(await second.status()).toMatchObject({ state: 'ACTIVE', error: null })
  second.kill('SIGTERM')
  expect(await second.exitCode).toBe(0)
  const [committed] = await admin.fetchOffsets({ groupId: config.kafka.groupId, topics: [topic] })
  await admin.disconnect()
  expect(committed?.partitions.find(({ partition }) => partition === 0)?.offset).toBe('15')
  expect(await bucket.count()).toBe(8)
  expect(second.log.filter((line) => line.includes('offsets 0 to 6 expired'))).toHaveLength(1)
})

it('overwrites nothing when a topic is created again, and delivers the new one under a new epoch', async () => {
  const { bucket, eventName, topic, config } = await scene()
  await produce(eventName, 50)
  const first = await start(config)
  await eventually(30_000, () => bucket.expectExactly(producer.acknowledged))
  first.kill('SIGTERM')
  await first.exitCode
  const before = await bucket.objects()
  const admin = kafkaClient(kafkaBootstrapServers).admin()
  await admin.connect()
  await admin.deleteTopics({ topics: [topic] })
  await eventually(30_000, () => createTopics(kafkaBootstrapServers, [topic]))
  await admin.disconnect()
  await eventually(30_000, () => produce(eventName, 50))
  const next = await start({ ...config, kafka: { ...config.kafka, epoch: 1 } })
  await eventually(30_000, () => bucket.expectExactly(producer.acknowledged))
  expect(await next.status()).toMatchObject({ state: 'ACTIVE', error: null })
  const after = await bucket.objects()
  expect(after.filter(({ key }) => before.some((each) => each.key === key))).toEqual(before)
})

it('stops where names are taken, when a topic was created again while no sink ran and its offsets went with it; and the way out that the error tells works', async () => {
  const { bucket, topic, config } = await scene({ template: 'no-time/{topic}.json' })
  const admin = kafkaClient(kafkaBootstrapServers).admin()
  await admin.connect()
  const committed = async () => {
    const [group] = await admin.fetchOffsets({ groupId: config.kafka.groupId, topics: [topic] })
    return group?.partitions.find(({ partition }) => partition === 0)
  }
  await producer.sendTo(topic, 0, 5)
  const first = await start(config)
  await eventually(30_000, async () => expect(await bucket.count()).toBe(5))
  first.kill('SIGTERM')
  await first.exitCode
  const before = await bucket.objects()
  await admin.deleteTopics({ topics: [topic] })
  await eventually(30_000, () => createTopics(kafkaBootstrapServers, [topic]))
  await eventually(30_000, async () => expect(await committed()).toMatchObject({ offset: '-1' }))

  await eventually(30_000, () => producer.sendTo(topic, 0, 7))
  const second = await start(config)
  const stopped = new RegExp(
    `^${topic} partition 0 is stopped: object no-time/\\S+ exists and is not this set's: end-offset is 5, not 7; .* To go on, pause`,
  )
  await eventually(30_000, async () =>
    expect(await second.status()).toMatchObject({ state: 'FAILED', error: expect.stringMatching(stopped) }),
  )
  expect((await second.get('/readyz')).status).toBe(503)
  second.kill('SIGTERM')
  await second.exitCode
  expect(await bucket.objects()).toEqual(expect.arrayContaining(before))
  expect(await committed()).toMatchObject({ offset: '0', metadata: expect.stringContaining('"endOffset":"7"') })

  await admin.setOffsets({ groupId: config.kafka.groupId, topic, partitions: [{ partition: 0, offset: '0' }] })
  await admin.disconnect()
  const third = await start({ ...config, kafka: { ...config.kafka, epoch: 1 } })
  await eventually(30_000, async () => expect(await bucket.count()).toBe(12))
  expect(await third.status()).toMatchObject({ state: 'ACTIVE', error: null })
  expect(await bucket.objects()).toEqual(expect.arrayContaining(before))
})

it('stops at an offset that another program committed, and says why; under an epoch it goes on exactly there', async () => {
  const { bucket, topic, config } = await scene({ template: 'events/{eventName}.json' })
  for (const partition of [0, 1, 2]) await producer.sendTo(topic, partition, 20)
  const admin = kafkaClient(kafkaBootstrapServers).admin()
  await admin.connect()
  const partitions = [
    { partition: 0, offset: '7' },
    { partition: 1, offset: '15' },
  ]
  await admin.setOffsets({ groupId: config.kafka.groupId, topic, partitions })
  await admin.disconnect()
  const names = async () =>
    (await bucket.objects('events/')).map(({ key }) => /-(\d{5}-\d{20}.*)\.json$/.exec(key)?.[1]).sort()

  const stopped = await start(config)
  const error = new RegExp(
    `^${topic} partition [01] is stopped: the committed offset (7|15) is not this connector's: .* set spec.kafka.epoch`,
  )
  await eventually(30_000, async () =>
    expect(await stopped.status()).toMatchObject({ state: 'FAILED', error: expect.stringMatching(error) }),
  )
  await eventually(30_000, async () => expect(await names()).toEqual(['00002-00000000000000000000']))
  stopped.kill('SIGTERM')
  await stopped.exitCode

  const next = await start({ ...config, kafka: { ...config.kafka, epoch: 1 } })
  await eventually(30_000, async () => expect(await bucket.count()).toBe(13 + 5 + 20))
  expect(await next.status()).toMatchObject({ state: 'ACTIVE', error: null })
  expect(await names()).toEqual([
    '00000-00000000000000000007-e1',
    '00001-00000000000000000015-e1',
    '00002-00000000000000000000',
  ])
})

it('a second signal ends it at once, and the next sink finishes what was begun', async () => {
  const { bucket, eventName, config } = await scene({
    flush: { intervalMs: 600_000, events: 10_000, bytes: 10_000_000 },
  })
  await produce(eventName, 100)
  const sink = await start(config)
  await eventually(30_000, async () => expect((await sink.status()).records.read).toBe(100))
  sink.kill('SIGTERM')
  sink.kill('SIGINT')
  expect([0, 130, 143]).toContain(await sink.exitCode)
  const next = await start(config)
  await eventually(60_000, async () => expect((await next.status()).state).toBe('ACTIVE'))
  await eventually(60_000, async () => expect((await next.status()).lag).toBe(0))
  next.kill('SIGTERM')
  expect(await next.exitCode).toBe(0)
  await bucket.expectExactly(producer.acknowledged)
})

it('an S3 that does not answer ends no sink, however soon it takes itself for stalled; it goes on when S3 does', async () => {
  const { bucket, eventName, config } = await scene({ flush: { intervalMs: 1_000, events: 20, bytes: 1_000_000 } })
  const proxy = await startCuttingProxy(new URL(s3.endpoint))
  onTestFinished(() => proxy.close())
  const throughProxy = { ...config, s3: { ...config.s3, endpoint: `http://127.0.0.1:${proxy.port}` } }
  const sink = await start(throughProxy, '--stalled-after', '1s')
  await eventually(30_000, async () => expect((await sink.status()).lag).toBe(0))
  proxy.hold()
  await produce(eventName, 2_000)
  // It asks itself every five seconds.
  await delay(11_000)
  expect(await sink.status()).toMatchObject({ partitions: 3, records: { delivered: 0 } })
  proxy.release()
  proxy.cut()
  await eventually(60_000, () => bucket.expectExactly(producer.acknowledged))
})

it('without its revision it ends with exit code 1, and its last line says why', async () => {
  const sink = startWith('--revision', 'ffffffffff', '--revisions-dir', folder())
  expect(await sink.exitCode).toBe(1)
  await eventually(5_000, () =>
    expect(JSON.parse(sink.log.at(-1) ?? '')).toMatchObject({
      level: 'fatal',
      msg: 'the sink cannot run',
      error: expect.stringContaining('ffffffffff.json cannot be read'),
    }),
  )
})

it('refuses wrong usage with exit code 2', async () => {
  for (const args of [[], ['--revision', 'a', '--drain-timeout', 'soon'], ['--revision', 'a', '--prot', '1']]) {
    expect(await startWith(...args).exitCode).toBe(2)
  }
})
