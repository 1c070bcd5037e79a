import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { type Scene, test } from '../scene.ts'

const NAME = 'whole-life'
const EDITED_PATH = 'edited/{eventName}/{yyyy}-{MM}-{dd}/{topic}.json'

test.concurrent('a connector is applied, delivers, is edited, paused, resumed and deleted, and every event is in exactly one object', async ({
  scene,
}) => {
  const before = await inventory(scene)
  scene.stream()
  await scene.apply(NAME)
  await delivering(scene)
  await edited(scene)
  await paused(scene)
  await resumed(scene)
  await scene.settled()
  await told(scene)
  await deleted(scene, before)
  await scene.bucket.expectExactly(scene.producer.acknowledged)
})

async function delivering(scene: Scene): Promise<void> {
  await scene.ready(NAME)
  expect(await scene.columns(NAME)).toMatchObject({
    NAME,
    READY: 'True',
    ACTIVE: 'True',
    STATUS: 'ACTIVE',
    REPLICAS: '1',
    AGE: expect.stringMatching(/^\d+[sm]/),
    ERROR: '',
    BUCKET: scene.id,
  })
  expect((await scene.get(NAME)).status?.connector).toEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/),
    connector: NAME,
    status: 'ACTIVE',
    error: null,
  })
  await scene.delivers()
  const time = 'year=\\d{4}/month=\\d\\d/day=\\d\\d/hour=\\d\\d/minute=(00|15|30|45)'
  const folder = `game_telemetry/realm/dev/topics/${scene.topic}/${time}`
  const key = new RegExp(`^${folder}/${scene.topic}-\\d{5}-\\d{20}\\.json$`)
  const keys = (await scene.bucket.objects()).map((object) => object.key)
  // Beside the events there is what each sink tries the bucket with.
  expect(keys.filter((each) => !key.test(each))).toEqual([`_probe/${scene.id}/${NAME}/_probe`])
}

async function edited(scene: Scene): Promise<void> {
  await scene.patchConfig(NAME, { customPath: EDITED_PATH })
  await scene.ready(NAME)
  // Ready says that the old pods are gone, so that from here on nothing comes under the old path any more.
  const underOldPath = (await scene.bucket.objects('game_telemetry/')).length
  await scene.delivers(50)
  expect((await scene.bucket.objects('edited/gameStarted/')).length).toBeGreaterThan(0)
  expect((await scene.bucket.objects('game_telemetry/')).length).toBe(underOldPath)
}

async function paused(scene: Scene): Promise<void> {
  await scene.patch(NAME, { active: false })
  await scene.ready(NAME)
  expect(await scene.columns(NAME)).toMatchObject({ READY: 'True', ACTIVE: 'False', STATUS: 'INACTIVE', REPLICAS: '0' })
  expect(await scene.pods(NAME)).toEqual([])
  const [delivered, produced] = [await scene.bucket.count(), scene.producer.acknowledged.size]
  await delay(3000)
  expect(scene.producer.acknowledged.size).toBeGreaterThan(produced)
  expect(await scene.bucket.count()).toBe(delivered)
}

async function resumed(scene: Scene): Promise<void> {
  await scene.patch(NAME, { active: true })
  await scene.ready(NAME)
  expect(await scene.columns(NAME)).toMatchObject({ READY: 'True', ACTIVE: 'True', STATUS: 'ACTIVE', REPLICAS: '1' })
  await scene.delivers()
}

/** What a person reads under `Events:` afterwards: one line for each turn that the connector took. */
async function told(scene: Scene): Promise<void> {
  const [, events = ''] = (await scene.kubectl('describe', 'ac', NAME)).split('\nEvents:')
  expect(events).toMatch(/Normal +Starting .* revision [0-9a-f]{10}/)
  expect(events).toMatch(/Normal +Delivering .* revision [0-9a-f]{10}/)
  expect(events).toMatch(/Normal +RollingOut .* revision [0-9a-f]{10}/)
  expect(events).toMatch(/Normal +Paused .* spec\.active is false: everything buffered was written and committed/)
}

async function deleted(scene: Scene, before: readonly string[]): Promise<void> {
  await scene.kubectl('delete', 'ac', NAME, '--timeout=30s')
  await eventually(60_000, async () => expect(await inventory(scene)).toEqual(before))
}

/** Every object of every kind in the namespace, but for events: they tell the story for an hour and then go by themselves. */
async function inventory(scene: Scene): Promise<string[]> {
  const kinds = (await scene.kubectl('api-resources', '--verbs=list', '--namespaced', '-o', 'name')).trim().split('\n')
  const kept = kinds.filter((kind) => !kind.startsWith('events'))
  return (await scene.kubectl('get', kept.join(','), '-o', 'name')).trim().split('\n').sort()
}
