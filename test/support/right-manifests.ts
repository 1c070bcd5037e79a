/** The edges of what is right: the API server and the offline validation must accept each. */
import { API_GROUP, API_VERSION, KIND } from '../../src/contract/names.ts'
import { mergePatch } from './merge-patch.ts'

export interface ManifestCase {
  /** Completes "refuses …" or "accepts …". */
  readonly what: string
  readonly manifest: unknown
}

/** The least that a manifest can be. */
export const right = {
  apiVersion: `${API_GROUP}/${API_VERSION}`,
  kind: KIND,
  metadata: { name: 'game-events', namespace: 'default' },
  spec: {
    storageType: 'KAFKA_S3',
    config: { eventType: 'game_telemetry', bucketName: 'acme-events', region: 'us-west-2' },
    filter: { acme: ['*'] },
  },
}

type Patch = Record<string, unknown>

const accepted = (what: string, patch: Patch): ManifestCase => ({ what, manifest: mergePatch(right, patch) })
/** Members that are null, which a patch cannot make. */
const acceptedSpec = (what: string, spec: Patch): ManifestCase => ({
  what,
  manifest: { ...right, spec: { ...right.spec, ...spec } },
})
const acceptedConfig = (config: Patch) => accepted(JSON.stringify(config).slice(0, 100), { spec: { config } })

export const rightManifests: readonly ManifestCase[] = [
  accepted('the least', {}),
  accepted('a name of 50 characters', { metadata: { name: 'a'.repeat(50) } }),
  accepted('a name of digits', { metadata: { name: '1' } }),
  ...['game-telemetry', 'justice_event', 'justice-event'].map((eventType) => acceptedConfig({ eventType })),
  ...['1s', '90s', '15m', '1h', '24h', '1d', '1000', 900_000, '0900000'].map((value) =>
    acceptedConfig({ customPartitionDuration: value }),
  ),
  ...['1s', '1', 1440, '24h', '1d'].map((value) => acceptedConfig({ flushInterval: value })),
  ...['5242880', 5_242_880, '5Mi', '128Mi', 134_217_728].map((value) => acceptedConfig({ partSize: value })),
  ...['1024', '1Ki', '1Gi', 1_073_741_824].map((value) => acceptedConfig({ flushMemory: value })),
  ...['1', 1, '10000000', 10_000_000].map((value) => acceptedConfig({ flushSize: value })),
  ...['acm', 'a.b', '1.2.3.4.5', 'a'.repeat(63)].map((bucketName) => acceptedConfig({ bucketName })),
  ...[
    '{topic}',
    'a/{eventName}',
    '.hidden',
    '...',
    'großer Ordner/{topic}.json',
    '{mm}',
    '{namespace}{realm}.json.gz',
  ].map((customPath) => acceptedConfig({ customPath })),
  acceptedConfig({ customPath: 'x'.repeat(1024 - 64 - 64) }),
  ...['http://a', 'https://s3.eu-west-1.amazonaws.com', 'http://[::1]:9000', 'http://127.0.0.1:9000'].map((endpoint) =>
    acceptedConfig({ endpoint }),
  ),
  acceptedConfig({ endpoint: 'http://minio:9000', forcePathStyle: false }),
  acceptedConfig({ endpoint: 'https://minio:9000', tls: { caSecretRef: { name: 'ca', key: 'ca.pem' } } }),
  ...['ndjson', 'parquet'].flatMap((format) =>
    ['none', 'gzip', 'zstd'].map((compression) => acceptedConfig({ format, compression })),
  ),
  acceptedConfig({ timestampSource: 'event', requestChecksumCalculation: 'when_required', storageClass: 'GLACIER_IR' }),
  acceptedConfig({ serverSideEncryption: { type: 'AES256' } }),
  acceptedConfig({ serverSideEncryption: { type: 'aws:kms', kmsKeyId: 'arn:aws:kms:eu-west-1:111122223333:alias/a' } }),
  ...['arn:aws-cn:iam::111122223333:role/a/b', 'arn:aws:iam:::role/ceph'].map((roleArn) =>
    acceptedConfig({ assumeRole: { roleArn, externalId: 'acme:42' } }),
  ),
  accepted('labels and annotations of every form', {
    metadata: {
      labels: { team: '', 'acme.io/Team_1': 'A.b_c-1' },
      annotations: { 'Acme.io/note': 'any text at all', [`a.io/${'b'.repeat(63)}`]: '' },
    },
  }),
  {
    what: 'metadata as kubectl create --dry-run=client prints it',
    manifest: {
      ...right,
      metadata: { ...right.metadata, creationTimestamp: null, labels: null, annotations: { a: null } },
    },
  },
  acceptedSpec('fields of which only the name was written', {
    active: null,
    replicas: null,
    kafka: null,
    resources: { limits: null, requests: { cpu: null } },
    podTemplate: { affinity: null, tolerations: null },
    config: { ...right.spec.config, flushSize: null, format: null, endpoint: null },
    filter: { acme: ['*'], other: null },
  }),
  accepted('a paused connector without replicas', { spec: { active: false, replicas: 0 } }),
  accepted('everything of every namespace', { spec: { filter: { acme: null, '*': ['*'] } } }),
  accepted('dotted namespaces and 249 characters of topic', { spec: { filter: { 'acme.eu': ['t'.repeat(249)] } } }),
  accepted('its own Kafka', {
    spec: {
      kafka: { bootstrapServers: ['kafka-0.k:9092', '[::1]:9092'], groupId: 'a.B_c-1', startFrom: 'latest', epoch: 3 },
    },
  }),
  ...[
    { tls: {} },
    { bootstrapServers: ['k:9093'], tls: {}, sasl: { mechanism: 'PLAIN', secretRef: { name: 'user' } } },
    { sasl: { mechanism: 'SCRAM-SHA-256', secretRef: { name: 'user' }, username: 'CN=me' } },
    { bootstrapServers: ['k:9092'], sasl: { mechanism: 'SCRAM-SHA-512', secretRef: { name: 'user' } } },
    { sasl: { mechanism: 'OAUTHBEARER', secretRef: { name: 'c' }, tokenEndpoint: 'https://login:8443/t', scope: 'k' } },
    { sasl: { mechanism: 'AWS_MSK_IAM', region: 'us-west-2' } },
    {
      tls: {
        caSecretRef: { name: 'ca', key: 'ca.pem' },
        certificateSecretRef: { name: 'me', certificateKey: 'user.crt', privateKeyKey: 'user.key' },
        serverName: 'kafka.example.com',
      },
    },
  ].map((kafka) => accepted(`kafka ${JSON.stringify(kafka)}`, { spec: { kafka } })),
  accepted('resources as numbers and text', {
    spec: { resources: { requests: { cpu: 1, memory: '1Gi' }, limits: { cpu: '1500m' } } },
  }),
  accepted('affinity as it is', {
    spec: { podTemplate: { affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } } } },
  }),
]
