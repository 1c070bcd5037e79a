/** A pod that is deleted: the kubelet sends SIGTERM, and the sink writes and commits what it holds before it ends. */
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { expect } from 'vitest'
import type { SinkStatus } from '../../../src/contract/sink-status.ts'
import { type Scene, test } from '../../e2e/scene.ts'
import { eventually } from '../../support/eventually.ts'
import { kafkaClient } from '../../support/game-events.ts'
import { podsOf } from './pods.ts'

const NAME = 'drained'
/** Longer than any test waits: what is in the bucket was written because of the signal. */
const NEVER = '1h'

test('a deleted pod writes what it holds, commits it, leaves no upload behind and ends by itself with exit code 0', async ({
  scene,
}) => {
  await scene.apply(NAME, { config: { flushInterval: NEVER, flushSize: 1_000_000 } })
  await scene.ready(NAME)
  await scene.send(500)
  const pod = await podThatHasRead(scene, 500)
  expect(await scene.bucket.count()).toBe(0)

  const ended = scene.kubectl('wait', `--for=jsonpath=${EXIT_CODE}=0`, `pod/${pod}`, '--timeout=60s')
  await scene.kubectl('delete', 'pod', pod, '--wait=false')
  await ended
  await scene.bucket.expectExactly(scene.producer.acknowledged)
  await expectCommitted(scene)
  const uploads = await scene.bucket.client.send(new ListMultipartUploadsCommand({ Bucket: scene.bucket.name }))
  expect(uploads.Uploads ?? []).toEqual([])

  await scene.ready(NAME)
  await scene.send(10)
  // What nobody has read yet waits in Kafka: the group may not even have noticed that the member before this one is gone.
  await podThatHasRead(scene, 10)
  await scene.patch(NAME, { active: false })
  await scene.ready(NAME)
  await scene.settled()
})

const EXIT_CODE = '{.status.containerStatuses[0].state.terminated.exitCode}'

/** The name of the connector's one pod, once that has read so many records by its own account. */
async function podThatHasRead(scene: Scene, records: number): Promise<string> {
  const [name = ''] = (await scene.pods(NAME)).map(({ metadata }) => metadata.name)
  const pod = (await podsOf(scene.id, '')).find(({ metadata }) => metadata.name === name)
  await eventually(30_000, async () => {
    const answer = await fetch(`http://${pod?.status.podIP}:8080/status`)
    expect(((await answer.json()) as SinkStatus).records.read).toBe(records)
  })
  return name
}

/** Every partition's committed offset is its end, and nothing is promised beyond it. */
async function expectCommitted(scene: Scene): Promise<void> {
  const admin = kafkaClient(scene.stack.kafkaBootstrapServers).admin()
  await admin.connect()
  try {
    const { groups } = await admin.listGroups()
    const groupId = groups.map((each) => each.groupId).find((id) => id.includes(scene.id))
    if (groupId === undefined) throw new Error(`no group of ${scene.id} among ${groups.length}`)
    const ends = await admin.fetchTopicOffsets(scene.topic)
    const [committed] = await admin.fetchOffsets({ groupId, topics: [scene.topic] })
    for (const { partition, high } of ends) {
      const offset = committed?.partitions.find((each) => each.partition === partition)
      expect(offset?.offset, `partition ${partition}`).toBe(high)
    }
  } finally {
    await admin.disconnect()
  }
}
