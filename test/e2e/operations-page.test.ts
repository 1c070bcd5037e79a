/** Follows docs/operations.md as its reader does: its commands, in a shell, on a connector that delivers. */
import { expect, onTestFinished } from 'vitest'
import { defaultGroupId } from '../../src/contract/defaults.ts'
import { REPOSITORY } from '../repository.ts'
import type { Bucket } from '../support/bucket.ts'
import { eventually } from '../support/eventually.ts'
import { createTopics, gameEvent, gameTopic, kafkaClient } from '../support/game-events.ts'
import { type GuideStep, guideSteps } from '../support/guide.ts'
import { stackEnvironment } from '../support/kubectl.ts'
import { Shell } from '../support/shell.ts'
import { type Scene, test } from './scene.ts'

const NAME = 'game-events'
const steps = guideSteps('operations.md')

/** What the page calls by other names, and what was so before the section. */
interface Tour {
  readonly scene: Scene
  readonly second: Bucket
  readonly secondTopic: string
  /** Ids of the events that are in the first bucket for good. */
  readonly moved: Set<string>
  pods: string[]
}

function local(text: string, { scene, second }: Tour): string {
  return text
    .replaceAll('acme-events-2', second.name)
    .replaceAll('.acme.', `.${scene.id}.`)
    .replaceAll('"acme"', `"${scene.id}"`)
    .replaceAll('-n games', `-n ${scene.id}`)
}

/** What is to be true when the commands of a section have been run, beside their success. */
const truths: Readonly<Record<string, (tour: Tour) => Promise<void>>> = {
  'Change path, format, flush or resources': async ({ scene }) => {
    await scene.delivers(50)
    expect((await scene.bucket.objects('by-event/gameStarted/')).length).toBeGreaterThan(0)
  },
  'Add a topic or a namespace': async ({ scene, moved }) => {
    await scene.settled()
    expect((await scene.bucket.objects('by-event/gameEnded/')).length).toBeGreaterThan(0)
    for (const id of scene.producer.acknowledged) moved.add(id)
  },
  'Use another bucket': async ({ scene, second, moved }) => {
    await scene.send(50)
    const sent = [...scene.producer.acknowledged].filter((id) => !moved.has(id))
    await eventually(30_000, () => second.expectExactly(new Set(sent)))
    await scene.bucket.expectExactly(moved)
  },
  'Renew credentials': async ({ scene, pods }) => {
    const now = await podNames(scene)
    expect(now.filter((name) => pods.includes(name))).toEqual([])
  },
  'Deliver again': async ({ scene, second }) => {
    await eventually(30_000, async () => {
      const again = [...(await second.eventIds())].flatMap(([key, ids]) => (key.endsWith('-e1.json') ? ids : []))
      expect(again.toSorted()).toEqual([...scene.producer.acknowledged].sort())
    })
  },
}

const podNames = async (scene: Scene) => (await scene.pods(NAME)).map(({ metadata }) => metadata.name)

/** What a person does by Kafka's own tool: to the oldest event of both topics. */
async function setOffsets({ scene, secondTopic }: Tour): Promise<void> {
  const groupId = defaultGroupId({ namespace: scene.id, name: NAME })
  const admin = kafkaClient(scene.stack.kafkaBootstrapServers).admin()
  await admin.connect()
  try {
    for (const topic of [scene.topic, secondTopic]) {
      const ends = await admin.fetchTopicOffsets(topic)
      const partitions = ends.map(({ partition, low }) => ({ partition, offset: low }))
      await admin.setOffsets({ groupId, topic, partitions })
    }
  } finally {
    await admin.disconnect()
  }
}

test('every section with commands has something that must be true after it', () => {
  expect([...new Set(steps.map(({ section }) => section))]).toEqual(Object.keys(truths))
})

test('every command of the page does what the page says', { timeout: 600_000 }, async ({ scene, stack }) => {
  const secondTopic = gameTopic(scene.id, 'gameEnded')
  const tour: Tour = { scene, second: scene.otherBucket('2'), secondTopic, moved: new Set(), pods: [] }
  const shell = new Shell(REPOSITORY, stackEnvironment(stack))
  onTestFinished(() => shell.close())
  await tour.second.create()
  await createTopics(stack.kafkaBootstrapServers, [secondTopic])
  // Before the connector reads the topic: startFrom is earliest.
  await scene.producer.send(
    secondTopic,
    Array.from({ length: 20 }, () => gameEvent(scene.id, 'gameEnded')),
  )
  scene.stream()
  await scene.apply(NAME)
  await scene.ready(NAME)
  for (const [i, step] of steps.entries()) {
    tour.pods = await podNames(scene)
    if (step.isElsewhere) await setOffsets(tour)
    else await shell.run(local(step.commands, tour), 360_000)
    if (isLast(step, i)) await truths[step.section]?.(tour)
  }
})

const isLast = ({ section }: GuideStep, i: number) => steps[i + 1]?.section !== section
