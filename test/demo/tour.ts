import { setTimeout as delay } from 'node:timers/promises'
import type { Stack } from '../stack/stack.ts'
import { Bucket, type Comparison } from '../support/bucket.ts'
import { eventually } from '../support/eventually.ts'
import { createTopics, EventProducer, gameTopic } from '../support/game-events.ts'
import { apply, kubectl, kubectlJson } from '../support/kubectl.ts'
import { BUCKET, CONNECTOR, EDITED_PATH, EVENTS_PER_SECOND, localSample, TARGETS } from './sample.ts'
import type { DemoState, Screen } from './screen.ts'

/**
 * The whole life of one connector, step by step, each step waited for and checked.
 * @returns the bucket compared with what was produced
 * @throws when a step does not come true in time, or a count is off
 */
export async function tour(stack: Stack, screen: Screen): Promise<Comparison> {
  const bucket = new Bucket(stack.s3, BUCKET)
  const producer = new EventProducer(stack.kafkaBootstrapServers)
  const watching = new AbortController()
  const watcher = watch(stack, bucket, producer, screen, watching.signal)
  try {
    await produce(stack, bucket, producer, screen)
    await applyAndDeliver(stack, bucket, producer, screen)
    await pause(stack, bucket, producer, screen)
    await resume(stack, bucket, producer, screen)
    await edit(stack, bucket, screen)
    const comparison = await settle(bucket, producer, screen)
    await remove(stack, screen)
    await look(stack, bucket, producer, screen.state)
    return comparison
  } finally {
    watching.abort()
    await watcher
    await producer.disconnect()
  }
}

async function produce(stack: Stack, bucket: Bucket, producer: EventProducer, screen: Screen): Promise<void> {
  screen.begin('creating a bucket and topics, producing events')
  await bucket.create()
  await createTopics(
    stack.kafkaBootstrapServers,
    TARGETS.map(({ namespace, eventName }) => gameTopic(namespace, eventName)),
  )
  await producer.connect()
  producer.startStream(TARGETS, EVENTS_PER_SECOND)
  screen.finish(`bucket ${BUCKET} and ${TARGETS.length} topics; ${EVENTS_PER_SECOND} events a second from now on`)
}

async function applyAndDeliver(stack: Stack, bucket: Bucket, producer: EventProducer, screen: Screen): Promise<void> {
  screen.begin(`kubectl apply: AnalyticsConnector ${CONNECTOR}`)
  for (const manifest of await localSample(stack)) await apply(stack, manifest)
  await kubectl(stack, ['wait', '--for=condition=Ready', `ac/${CONNECTOR}`, '--timeout=120s'])
  screen.finish(`${CONNECTOR} is Ready: its pods run and deliver`)
  screen.begin('waiting for objects')
  await eventually(60_000, async () => {
    if ((await bucket.objects()).length < TARGETS.length) throw new Error('too few objects in the bucket')
  })
  screen.finish('objects arrive in the bucket')
  await look(stack, bucket, producer, screen.state)
  screen.printFacts()
}

async function pause(stack: Stack, bucket: Bucket, producer: EventProducer, screen: Screen): Promise<void> {
  screen.begin('kubectl patch: spec.active = false')
  await setActive(stack, false)
  await kubectl(stack, ['wait', '--for=condition=Ready', `ac/${CONNECTOR}`, '--timeout=120s'])
  const pods = await kubectlJson<{ items: unknown[] }>(
    stack,
    'get',
    'pods',
    '-l',
    `analytics-connector.io/connector=${CONNECTOR}`,
  )
  if (pods.items.length > 0) throw new Error(`Ready while paused, but ${pods.items.length} pods are left`)
  const [deliveredBefore, producedBefore] = [await bucket.count(), producer.acknowledged.size]
  await delay(5000)
  const deliveredMore = (await bucket.count()) - deliveredBefore
  if (deliveredMore !== 0) throw new Error(`paused, but ${deliveredMore} more events arrived in the bucket`)
  screen.finish(
    `paused: drained, no pods; 5 s later ${producer.acknowledged.size - producedBefore} more produced, 0 delivered`,
  )
}

async function resume(stack: Stack, bucket: Bucket, producer: EventProducer, screen: Screen): Promise<void> {
  screen.begin('kubectl patch: spec.active = true')
  const producedSoFar = new Set(producer.acknowledged)
  await setActive(stack, true)
  await kubectl(stack, ['wait', '--for=condition=Ready', `ac/${CONNECTOR}`, '--timeout=120s'])
  await eventually(60_000, async () => {
    const { missing } = await bucket.compare(producedSoFar)
    if (missing.length > 0) throw new Error(`${missing.length} events produced before the resume are not delivered`)
  })
  screen.finish(`resumed: all ${producedSoFar.size} events produced so far are delivered`)
}

async function edit(stack: Stack, bucket: Bucket, screen: Screen): Promise<void> {
  screen.begin('kubectl patch: a new customPath')
  const patch = JSON.stringify({ spec: { config: { customPath: EDITED_PATH } } })
  await kubectl(stack, ['patch', 'ac', CONNECTOR, '--type=merge', '-p', patch])
  await kubectl(stack, ['wait', '--for=condition=Ready', `ac/${CONNECTOR}`, '--timeout=120s'])
  await eventually(60_000, async () => {
    if ((await bucket.objects('by-event/')).length === 0) throw new Error('no object under the new path')
  })
  screen.finish('customPath edited: new objects arrive under by-event/')
}

async function settle(bucket: Bucket, producer: EventProducer, screen: Screen): Promise<Comparison> {
  screen.begin('stopping the producer, waiting for the last events')
  await producer.stopStream()
  await eventually(60_000, () => bucket.expectExactly(producer.acknowledged))
  screen.finish(`${producer.acknowledged.size} events produced, each in exactly one object`)
  return bucket.compare(producer.acknowledged)
}

async function remove(stack: Stack, screen: Screen): Promise<void> {
  screen.begin(`kubectl delete ac ${CONNECTOR}`)
  await kubectl(stack, ['delete', 'ac', CONNECTOR, '--timeout=60s'])
  await eventually(90_000, async () => {
    const kinds = 'deployments,configmaps,pods,serviceaccounts,poddisruptionbudgets'
    const selector = `analytics-connector.io/connector=${CONNECTOR}`
    const left = await kubectlJson<{ items: { kind: string }[] }>(stack, 'get', kinds, '-l', selector)
    if (left.items.length > 0) throw new Error(`still there: ${left.items.map(({ kind }) => kind).join(', ')}`)
  })
  screen.finish('deleted: nothing is left of it in the cluster; the objects stay in the bucket')
}

function setActive(stack: Stack, active: boolean): Promise<string> {
  return kubectl(stack, ['patch', 'ac', CONNECTOR, '--type=merge', '-p', JSON.stringify({ spec: { active } })])
}

/** Keeps the screen's facts fresh. A look that fails is repeated; the steps above are what fails the demo. */
async function watch(
  stack: Stack,
  bucket: Bucket,
  producer: EventProducer,
  { state }: Screen,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    // The bucket or the resource is not there yet, or not any more.
    await look(stack, bucket, producer, state).catch(() => {})
    await delay(1000, undefined, { signal }).catch(() => {})
  }
}

async function look(stack: Stack, bucket: Bucket, producer: EventProducer, state: DemoState): Promise<void> {
  state.produced = producer.acknowledged.size
  state.resource = (await kubectl(stack, ['get', 'ac'])) || 'No resources found in default namespace.'
  // Without the probe, which is empty and the oldest: its first line would be shown as one of an object.
  const objects = (await bucket.objects()).filter(({ key }) => !key.startsWith('_'))
  state.objects = objects.sort((a, b) => a.lastModified.getTime() - b.lastModified.getTime())
  state.delivered = await bucket.count()
  const first = state.objects[0]
  if (!state.sampleLine && first) state.sampleLine = (await bucket.lines(first.key))[0] ?? ''
}
