import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, inject } from 'vitest'
import type { SinkConfig } from '../../src/contract/sink-config.ts'
import { connectStack } from '../stack/remote.ts'
import { Bucket } from './bucket.ts'
import { createTopics, EventProducer, gameEvent, gameTopic } from './game-events.ts'
import { SinkChild, storeRevision } from './sink-child.ts'
import { localBucket, localKafka, sinkConfig } from './sink-process.ts'

/** A topic, a bucket and a configuration of a test's own. */
export interface Scene {
  readonly bucket: Bucket
  readonly eventName: string
  readonly topic: string
  readonly config: SinkConfig
}

/** Sinks as processes of their own on the servers of the stack, and a producer, for the file that calls it: its hooks end them. */
export function sinkStage(name: string) {
  const { s3, kafkaBootstrapServers } = connectStack(inject('stack'))
  const run = Date.now().toString(36)
  const env = { AWS_ACCESS_KEY_ID: s3.accessKeyId, AWS_SECRET_ACCESS_KEY: s3.secretAccessKey }
  const producer = new EventProducer(kafkaBootstrapServers)
  const children: SinkChild[] = []
  let dir = ''
  let scenes = 0

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'revisions-'))
    await producer.connect()
  })
  afterEach(async () => {
    await producer.stopStream()
    producer.acknowledged.clear()
    for (const child of children.splice(0)) await child.end()
  })
  afterAll(async () => {
    await producer.disconnect()
    await rm(dir, { recursive: true })
  })

  return {
    s3,
    kafkaBootstrapServers,
    producer,

    /** Where its revisions are. */
    folder: () => dir,

    scene: async (changes: Partial<SinkConfig> & { template?: string } = {}): Promise<Scene> => {
      const eventName = `${name}-${run}-${scenes++}`
      const topic = gameTopic('acme', eventName)
      const bucket = new Bucket(s3, eventName)
      await Promise.all([bucket.create(), createTopics(kafkaBootstrapServers, [topic])])
      const config = sinkConfig({
        connector: `test/${eventName}`,
        filter: { acme: [topic] },
        kafka: localKafka(kafkaBootstrapServers, eventName),
        s3: localBucket(bucket.name, s3.region, s3.endpoint),
        flush: { intervalMs: 1_000, events: 100, bytes: 1_000_000 },
        ...changes,
      })
      return { bucket, eventName, topic, config }
    },

    start: async (config: SinkConfig, ...args: string[]): Promise<SinkChild> => {
      const revision = await storeRevision(dir, config)
      const child = new SinkChild(['--revision', revision, '--revisions-dir', dir, ...args], env)
      children.push(child)
      return child
    },

    /** With arguments as they are. */
    startWith: (...args: string[]): SinkChild => {
      const child = new SinkChild(args, env)
      children.push(child)
      return child
    },

    produce: (eventName: string, count: number) =>
      producer.send(
        gameTopic('acme', eventName),
        Array.from({ length: count }, () => gameEvent('acme', eventName)),
      ),
  }
}
