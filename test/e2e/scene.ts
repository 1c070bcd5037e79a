import { randomBytes } from 'node:crypto'
import { test as base, inject } from 'vitest'
import { CONNECTOR_LABEL } from '../../src/contract/names.ts'
import type { AnalyticsConnector, AnalyticsConnectorSpec } from '../../src/contract/resource.ts'
import { describeError } from '../../src/lib/errors.ts'
import { connectStack } from '../stack/remote.ts'
import type { Stack } from '../stack/stack.ts'
import { Bucket } from '../support/bucket.ts'
import { eventually } from '../support/eventually.ts'
import { createTopics, EventProducer, gameEvent, gameTopic } from '../support/game-events.ts'
import { installOperator } from '../support/install-operator.ts'
import { apply, kubectl, kubectlJson } from '../support/kubectl.ts'
import { type ConnectorOverrides, connector, s3CredentialsSecret } from '../support/manifests.ts'
import { HistoryRecorder } from '../support/status/history-recorder.ts'

export interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string }
  readonly status: {
    readonly containerStatuses?: readonly { readonly restartCount: number; readonly ready: boolean }[]
  }
}

const EVENT_NAME = 'gameStarted'
/** A container that shares two cores with others may need half a minute to load the program, and pods are replaced one after another. */
const READY_WITHIN_S = 180

/**
 * One test's own corner of the shared servers: a namespace with the S3 Secret, a bucket, a topic and a producer, all
 * named by one random id, so that tests run beside each other and again on servers that stayed up.
 */
export class Scene {
  readonly stack: Stack
  /** Kubernetes namespace, bucket and event namespace at once. */
  readonly id = `e2e-${randomBytes(4).toString('hex')}`
  readonly topic = gameTopic(this.id, EVENT_NAME)
  readonly bucket: Bucket
  readonly producer: EventProducer
  #history: HistoryRecorder | undefined

  constructor(stack: Stack) {
    this.stack = stack
    this.bucket = new Bucket(stack.s3, this.id)
    this.producer = new EventProducer(stack.kafkaBootstrapServers)
  }

  async open(): Promise<void> {
    await kubectl(this.stack, ['create', 'namespace', this.id])
    this.#history = await HistoryRecorder.start(this.stack, this.id)
    await Promise.all([
      apply(this.stack, s3CredentialsSecret(this.stack, 's3', this.id)),
      this.bucket.create(),
      createTopics(this.stack.kafkaBootstrapServers, [this.topic]),
      this.producer.connect(),
    ])
  }

  /** @throws Error when a status broke a rule, or was Ready before it was so */
  async close(): Promise<void> {
    await this.producer.disconnect()
    await this.kubectl('delete', 'ac', '--all', '--wait=false')
    await kubectl(this.stack, ['delete', 'namespace', this.id, '--wait=false'])
    await this.#history?.finish()
  }

  /** A second bucket, for a second connector. Not created. */
  otherBucket(suffix: string): Bucket {
    return new Bucket(this.stack.s3, `${this.id}-${suffix}`)
  }

  /** kubectl in the scene's namespace. */
  kubectl(...args: string[]): Promise<string> {
    return kubectl(this.stack, [...args, '-n', this.id])
  }

  /** Applies a connector that delivers the scene's topic to the scene's bucket, but for what the test says. */
  async apply(name: string, overrides: Partial<Omit<ConnectorOverrides, 'name' | 'namespace'>> = {}): Promise<void> {
    const { config, ...rest } = overrides
    const manifest = connector(this.stack, {
      name,
      namespace: this.id,
      bucketName: this.id,
      filter: { [this.id]: [this.topic] },
      config: { flushInterval: '1s', ...config },
      ...rest,
    })
    await apply(this.stack, manifest)
  }

  patch(name: string, spec: object): Promise<string> {
    return this.kubectl('patch', 'ac', name, '--type=merge', '-p', JSON.stringify({ spec }))
  }

  patchConfig(name: string, config: Partial<AnalyticsConnectorSpec['config']>): Promise<string> {
    return this.patch(name, { config })
  }

  /** As a person waits; kubectl compares the condition's generation, so an edit is not mistaken for done. */
  async ready(name: string, withinSeconds = READY_WITHIN_S): Promise<void> {
    await this.kubectl('wait', '--for=condition=Ready', `ac/${name}`, `--timeout=${withinSeconds}s`)
  }

  get(name: string): Promise<AnalyticsConnector> {
    return kubectlJson(this.stack, 'get', 'ac', name, '-n', this.id)
  }

  /** What `kubectl get ac <name> -o wide` prints, by column. */
  async columns(name: string): Promise<Readonly<Record<string, string>>> {
    const [header = '', row = ''] = (await this.kubectl('get', 'ac', name, '-o', 'wide')).split('\n')
    const starts = [...header.matchAll(/\S+( \S+)*/g)].map(({ 0: title, index }) => ({ title, index }))
    return Object.fromEntries(
      starts.map(({ title, index }, i) => [title, row.slice(index, starts[i + 1]?.index).trim()]),
    )
  }

  /** The connector's pods that are not on their way out. */
  async pods(name: string): Promise<Pod[]> {
    const selector = `${CONNECTOR_LABEL}=${name}`
    const { items } = await kubectlJson<{ items: Pod[] }>(this.stack, 'get', 'pods', '-l', selector, '-n', this.id)
    return items.filter(({ metadata }) => !metadata.deletionTimestamp)
  }

  /** 50 events a second until `settled`. */
  stream(): void {
    this.producer.startStream([{ namespace: this.id, eventName: EVENT_NAME }], 50)
  }

  async send(count: number): Promise<void> {
    await this.producer.send(
      this.topic,
      Array.from({ length: count }, () => gameEvent(this.id, EVENT_NAME)),
    )
  }

  /** Waits until the bucket holds at least `more` events beyond those it holds now. */
  async delivers(more = 1, withinMs = 30_000, bucket = this.bucket): Promise<void> {
    const before = await bucket.count()
    await eventually(withinMs, async () => {
      const now = await bucket.count()
      if (now < before + more) throw new Error(`bucket ${bucket.name} holds ${now} events, held ${before}`)
    })
  }

  /** Ends the stream and waits until every event that Kafka acknowledged is in exactly one object. */
  async settled(withinMs = 30_000, bucket = this.bucket): Promise<void> {
    await this.producer.stopStream()
    await eventually(withinMs, () => bucket.expectExactly(this.producer.acknowledged))
  }

  /** All that one needs to understand a failed test, as the namespace is gone afterwards. */
  async report(): Promise<string> {
    const looks = await Promise.all([
      this.kubectl('get', 'ac', '-o', 'yaml'),
      this.kubectl('get', 'all', '-o', 'wide'),
      this.kubectl('get', 'events', '--sort-by=.metadata.creationTimestamp'),
      ...(await this.#podNames()).map(async (pod) => `--- ${pod}\n${await this.stack.podLog(this.id, pod)}`),
    ])
    return looks.join('\n')
  }

  async #podNames(): Promise<string[]> {
    const { items } = await kubectlJson<{ items: Pod[] }>(this.stack, 'get', 'pods', '-n', this.id)
    return items.map(({ metadata }) => metadata.name)
  }
}

/** `test` with a scene of its own; a failed test tells what its scene looked like. */
export const test = base
  .extend('stack', { scope: 'file' }, async () => {
    const stack = connectStack(inject('stack'))
    await installOperator(stack, () => {})
    return stack
  })
  .extend('scene', async ({ stack, task }, { onCleanup }) => {
    const scene = new Scene(stack)
    await scene.open()
    onCleanup(async () => {
      if (task.result?.state === 'fail') {
        const report = await scene.report().catch((error) => `no report: ${describeError(error)}`)
        process.stderr.write(`\n=== ${task.name} (${scene.id})\n${report}\n`)
      }
      await scene.close()
    })
    return scene
  })
