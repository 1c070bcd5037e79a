import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { test } from './scene.ts'

const NAME = 'steadfast'
/** S3 is away: longer than passing failures stay untold, and than the longest wait between two attempts (15 s). */
const DOWN_MS = 20_000
const EDITED_PATH = 'edited/{topic}.json'

test('while the API server is down the sinks go on delivering; back again, the next edit is applied', async ({
  scene,
}) => {
  const { kubeApi } = scene.stack.servers
  scene.stream()
  await scene.apply(NAME)
  await scene.ready(NAME)

  await kubeApi.stop('SIGKILL')
  try {
    await scene.delivers(200)
  } finally {
    await kubeApi.start()
  }
  await scene.patchConfig(NAME, { customPath: EDITED_PATH })
  await scene.ready(NAME)
  await eventually(30_000, async () => expect(await scene.bucket.objects('edited/')).not.toEqual([]))
  await scene.settled()
})

test('a restart of Kafka while events flow loses nothing and delivers nothing twice', async ({ scene }) => {
  const { kafka } = scene.stack.servers
  scene.stream()
  await scene.apply(NAME)
  await scene.ready(NAME)
  await scene.delivers()

  await kafka.stop('SIGKILL')
  await delay(3000)
  await kafka.start()
  await scene.delivers(200, 60_000)
  await scene.ready(NAME)
  await scene.settled(60_000)
})

test('S3 down for a while shows as FAILED with the S3 error; back again, nothing is lost and nothing there twice', async ({
  scene,
}) => {
  const { s3 } = scene.stack.servers
  scene.stream()
  await scene.apply(NAME)
  await scene.ready(NAME)
  await scene.delivers()

  await s3.stop('SIGKILL')
  const backAt = Date.now() + DOWN_MS
  try {
    await eventually(30_000, async () => {
      const columns = await scene.columns(NAME)
      expect(columns).toMatchObject({ READY: 'False', STATUS: 'FAILED' })
      expect(columns.ERROR).toMatch(/S3.*(ECONNREFUSED|connection refused)/i)
    })
    await delay(Math.max(0, backAt - Date.now()))
    expect(await scene.columns(NAME)).toMatchObject({ STATUS: 'FAILED' })
  } finally {
    await s3.start()
  }
  await scene.ready(NAME)
  expect(await scene.columns(NAME)).toMatchObject({ STATUS: 'ACTIVE', ERROR: '' })
  await scene.settled(60_000)
})
