import type { ShownConnector, StatusDocument } from '../../src/contract/rest-connector.ts'
import type { Stack } from '../stack/stack.ts'
import { Bucket } from '../support/bucket.ts'
import { eventually } from '../support/eventually.ts'
import { createTopics, EventProducer, gameTopic } from '../support/game-events.ts'
import { installAdmin, reachAdmin } from '../support/install-admin.ts'
import { OPERATOR_NAMESPACE } from '../support/install-operator.ts'
import { apply, kubectl } from '../support/kubectl.ts'
import { s3CredentialsSecret } from '../support/manifests.ts'
import { createClient, RestClient } from '../support/rest-client.ts'
import { EDITED_PATH } from './sample.ts'
import type { Screen } from './screen.ts'

const GAME = { namespace: 'acme-web', eventName: 'gameStarted' }
const SECRET = 'acme-web-s3'
const EVENTS_PER_SECOND = 100

/**
 * The same life over HTTP, of another connector with events and a bucket of its own.
 * @throws when a step does not come true in time, or an event is missing or twice in the bucket
 */
export async function restTour(stack: Stack, screen: Screen): Promise<void> {
  const bucket = new Bucket(stack.s3, 'acme-web-events')
  const producer = new EventProducer(stack.kafkaBootstrapServers)
  screen.begin('kubectl apply -k deploy/admin: the REST API')
  await prepare(stack, bucket, producer)
  const { url, close } = await reachAdmin(stack)
  screen.finish(`the REST API answers at ${url}`)
  try {
    const api = await signIn(stack, url, screen)
    const id = await create(stack, api, bucket, screen)
    await activate(api, id, bucket, screen)
    await pauseAndEdit(api, id, screen)
    await resume(api, id, bucket, producer, screen)
    await remove(stack, api, id, screen)
  } finally {
    await producer.disconnect()
    await close()
  }
}

async function prepare(stack: Stack, bucket: Bucket, producer: EventProducer): Promise<void> {
  await installAdmin(stack)
  await apply(stack, s3CredentialsSecret(stack, SECRET, OPERATOR_NAMESPACE))
  await bucket.create()
  await createTopics(stack.kafkaBootstrapServers, [gameTopic(GAME.namespace, GAME.eventName)])
  await producer.connect()
  producer.startStream([GAME], EVENTS_PER_SECOND)
}

async function signIn(stack: Stack, url: string, screen: Screen): Promise<RestClient> {
  screen.begin('analytics-connector clients create; POST /iam/v3/oauth/token')
  const client = await createClient(stack, 'ADMIN:ANALYTICS:CONNECTOR=CREATE,READ,UPDATE,DELETE')
  const api = await RestClient.signIn(url, client)
  screen.finish(`a client, and a token for it (client ${client.id})`)
  screen.begin('GET /tools/kafka/topics/game_telemetry')
  const topics = await api.call<Record<string, string[]>>('GET', '/tools/kafka/topics/game_telemetry')
  if (!topics[GAME.namespace]) throw new Error(`the API lists no topic of ${GAME.namespace}`)
  screen.finish(`topics of ${Object.keys(topics).length} namespaces: ${Object.keys(topics).join(', ')}`)
  return api
}

async function create(stack: Stack, api: RestClient, bucket: Bucket, screen: Screen): Promise<number> {
  screen.begin('POST /connectors')
  const created = await api.call<ShownConnector>('POST', '/connectors', {
    connectorName: 'web-events',
    connectorType: 'SINK',
    storageType: 'KAFKA_S3',
    config: {
      eventType: 'game_telemetry',
      bucketName: bucket.name,
      region: stack.s3.region,
      endpoint: stack.inPod.s3Endpoint,
      forcePathStyle: 'true',
      credentialsSecretRef: { name: SECRET },
      flushInterval: '3s',
    },
    filter: { [GAME.namespace]: ['*'] },
  })
  await kubectl(stack, ['get', 'ac', created.connectorName, '-n', OPERATOR_NAMESPACE])
  screen.finish(`connector ${created.id}: ${created.connectorName}, not running yet; kubectl sees it too`)
  return created.id
}

async function activate(api: RestClient, id: number, bucket: Bucket, screen: Screen): Promise<void> {
  screen.begin(`PUT /connectors/${id}/activate`)
  await api.call('PUT', `/connectors/${id}/activate`)
  await becomes(api, id, 'ACTIVE')
  await eventually(60_000, async () => {
    if ((await bucket.objects()).length === 0) throw new Error('no object in the bucket')
  })
  screen.finish(`GET /connectors/${id}/status: ACTIVE; objects arrive`)
}

async function pauseAndEdit(api: RestClient, id: number, screen: Screen): Promise<void> {
  screen.begin(`PUT /connectors/${id}/deactivate`)
  await api.call('PUT', `/connectors/${id}/deactivate`)
  await becomes(api, id, 'INACTIVE')
  screen.finish(`GET /connectors/${id}/status: INACTIVE`)
  screen.begin(`PUT /connectors/${id}: a new customPath`)
  const { config } = await api.call<ShownConnector>('PUT', `/connectors/${id}`, { config: { customPath: EDITED_PATH } })
  if (config.flushInterval !== '3s') throw new Error('the edit changed what it did not name')
  screen.finish('customPath edited; every other field is as it was')
}

async function resume(
  api: RestClient,
  id: number,
  bucket: Bucket,
  producer: EventProducer,
  screen: Screen,
): Promise<void> {
  screen.begin(`PUT /connectors/${id}/activate, waiting for the last events`)
  await api.call('PUT', `/connectors/${id}/activate`)
  await becomes(api, id, 'ACTIVE')
  await producer.stopStream()
  await eventually(60_000, () => bucket.expectExactly(producer.acknowledged))
  screen.finish(`${producer.acknowledged.size} events produced, each in exactly one object`)
}

async function remove(stack: Stack, api: RestClient, id: number, screen: Screen): Promise<void> {
  screen.begin(`DELETE /connectors/${id}`)
  await api.call('DELETE', `/connectors/${id}`)
  await eventually(60_000, async () => {
    const left = await kubectl(stack, ['get', 'ac,deployments', '-n', OPERATOR_NAMESPACE, '-o', 'name'])
    if (left.includes('web-events')) throw new Error(`still there: ${left}`)
  })
  screen.finish('deleted')
}

async function becomes(api: RestClient, id: number, wanted: StatusDocument['status']): Promise<void> {
  await eventually(90_000, async () => {
    const { status, error } = await api.call<StatusDocument>('GET', `/connectors/${id}/status`)
    if (status !== wanted) throw new Error(`connector ${id} is ${status}, not ${wanted}: ${error ?? 'no error'}`)
  })
}
