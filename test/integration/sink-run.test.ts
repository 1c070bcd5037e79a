import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { PROGRAM } from '../repository.ts'
import { connectStack } from '../stack/remote.ts'
import { Bucket } from '../support/bucket.ts'
import { eventually } from '../support/eventually.ts'
import { createTopics, EventProducer, gameEvent, gameTopic } from '../support/game-events.ts'

const { s3, kafkaBootstrapServers } = connectStack(inject('stack'))
const name = `run-${Date.now().toString(36)}`
const bucket = new Bucket(s3, name)
const producer = new EventProducer(kafkaBootstrapServers)
let dir: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'run-'))
  await Promise.all([
    bucket.create(),
    createTopics(kafkaBootstrapServers, [gameTopic('acme', name)]),
    producer.connect(),
  ])
})
afterAll(async () => {
  await producer.disconnect()
  await rm(dir, { recursive: true })
})

async function manifest(flushSize: number): Promise<string> {
  const config = {
    eventType: 'game_telemetry',
    bucketName: bucket.name,
    region: s3.region,
    endpoint: s3.endpoint,
    flushSize,
    flushInterval: '1s',
  }
  const spec = { storageType: 'KAFKA_S3', config, filter: { acme: [gameTopic('acme', name)] } }
  const path = join(dir, `${flushSize}.json`)
  const resource = {
    apiVersion: 'analytics-connector.io/v1alpha1',
    kind: 'AnalyticsConnector',
    metadata: { name },
    spec,
  }
  await writeFile(path, JSON.stringify(resource))
  return path
}

function runConnector(path: string) {
  const env = {
    PATH: process.env.PATH,
    XDG_STATE_HOME: dir,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  }
  const flags = ['--disable-warning=TimeoutNegativeWarning', PROGRAM, 'run', path]
  const child = spawn(process.execPath, [...flags, '--kafka-bootstrap-servers', kafkaBootstrapServers], { env })
  const exit = once(child, 'exit').then(([code]) => code as number | null)
  return { child, exit, output: text(child.stdout), errors: text(child.stderr) }
}

it('runs a connector from its manifest, and Ctrl-C writes what was read', async () => {
  const events = Array.from({ length: 25 }, () => gameEvent('acme', name))
  await producer.send(gameTopic('acme', name), events)
  const { child, exit, output } = runConnector(await manifest(10))
  await eventually(30_000, async () => expect(await bucket.count()).toBeGreaterThan(0))
  child.kill('SIGINT')
  expect(await exit).toBe(0)
  await bucket.expectExactly(producer.acknowledged)
  expect(await output).toMatch(/ · 25 records · .* MB · \d+ objects · /)
  expect(await readdir(join(dir, 'analytics-connector', 'revisions'))).toHaveLength(1)
})

it('refuses a manifest that the API server would refuse, naming field and value, with exit code 2', async () => {
  const { exit, errors } = runConnector(await manifest(-5))
  expect(await exit).toBe(2)
  expect(await errors).toMatch(/spec\.config\.flushSize: .*-5/)
})
