/**
 * Every field wrong in every way that a person gets it wrong. The API server and the offline validation must refuse
 * each, and say why.
 */

import { right } from './right-manifests.ts'
import { wrongConfigs } from './wrong-config.ts'
import { type Patch, type Said, type WrongManifest, wrong, wrongSpec } from './wrong-manifest.ts'
import { wrongReferences } from './wrong-references.ts'

const names: readonly WrongManifest[] = [
  wrong(
    'a name of 51 characters',
    { metadata: { name: 'a'.repeat(51) } },
    { field: 'metadata.name', value: 'a'.repeat(51), allowed: '1 to 50' },
  ),
  wrong(
    'a name with a dot',
    { metadata: { name: 'game.events' } },
    { field: 'metadata.name', value: 'game.events', allowed: 'lower-case letters, digits and hyphens' },
  ),
]

const metadata: readonly WrongManifest[] = [
  wrong(
    'a field of metadata that does not exist',
    { metadata: { label: { team: 'a' } } },
    { field: 'metadata.label', allowed: /unknown field|name, generateName, namespace/ },
  ),
  wrong(
    'a label of the connector with a space',
    { metadata: { labels: { team: 'data eng' } } },
    { field: 'metadata.labels', value: 'data eng', allowed: /start and end with|begin and end with/ },
  ),
  wrong(
    'a label key with a space',
    { metadata: { labels: { 'my team': 'a' } } },
    { field: 'metadata.labels', value: 'my team', allowed: /start and end with|begin and end with/ },
  ),
  wrong(
    'a label key whose prefix has capitals',
    { metadata: { labels: { 'Acme.io/team': 'a' } } },
    { field: 'metadata.labels', value: 'Acme.io', allowed: /lower.?case/ },
  ),
  wrong(
    'an annotation key with two slashes',
    { metadata: { annotations: { 'acme.io/a/b': 'c' } } },
    { field: 'metadata.annotations', value: 'acme.io/a/b', allowed: /start and end with|begin and end with/ },
  ),
  wrong(
    'annotations of more than 256 KiB',
    { metadata: { annotations: { a: 'x'.repeat(262_144) } } },
    { field: 'metadata.annotations', allowed: '262144' },
  ),
]

const wholeFields: readonly WrongManifest[] = [
  wrong('no spec', { spec: null }, { field: 'spec', allowed: /required/i }),
  wrongSpec('no config', { config: null }, { field: 'spec.config', allowed: /required/i }),
  wrongSpec('no filter', { filter: null }, { field: 'spec.filter', allowed: /required/i }),
  wrongSpec('no storageType', { storageType: null }, { field: 'spec.storageType', allowed: /required/i }),
  wrongSpec('no eventType', { config: { eventType: null } }, { field: 'spec.config.eventType', allowed: /required/i }),
  wrongSpec(
    'no bucketName',
    { config: { bucketName: null } },
    { field: 'spec.config.bucketName', allowed: /required/i },
  ),
  wrongSpec('no region', { config: { region: null } }, { field: 'spec.config.region', allowed: /required/i }),
  wrongSpec(
    'a field that does not exist',
    { paused: true },
    { field: 'spec.paused', allowed: /unknown field|active, storageType/ },
  ),
  wrongSpec(
    'a misspelt field',
    { config: { flushintervall: '5m' } },
    { field: 'spec.config.flushintervall', allowed: /unknown field|flushInterval/ },
  ),
  wrongSpec(
    'a field in the wrong place',
    { bucketName: 'acme' },
    { field: 'spec.bucketName', allowed: /unknown field|config/ },
  ),
  wrongSpec('config as text', { config: 'acme-events' }, { field: 'spec.config', allowed: 'object' }),
]

const scalars: readonly WrongManifest[] = [
  wrongSpec('active in quotes', { active: 'true' }, { field: 'spec.active', allowed: /boolean|true or false/ }),
  wrongSpec(
    'another storageType',
    { storageType: 'KAFKA_GCS' },
    { field: 'spec.storageType', value: 'KAFKA_GCS', allowed: '"KAFKA_S3"' },
  ),
  wrongSpec(
    'deletionPolicy Delete',
    { deletionPolicy: 'Delete' },
    { field: 'spec.deletionPolicy', value: 'Delete', allowed: '"DeleteConsumerGroup"' },
  ),
  wrongSpec(
    'negative replicas',
    { replicas: -1 },
    { field: 'spec.replicas', value: '-1', allowed: /(greater than or equal to|at least) 0/ },
  ),
  wrongSpec(
    'too many replicas',
    { replicas: 1001 },
    { field: 'spec.replicas', value: '1001', allowed: /(less than or equal to|at most) 1000/ },
  ),
  wrongSpec('replicas in quotes', { replicas: '2' }, { field: 'spec.replicas', allowed: /integer|whole number/ }),
  wrongSpec('half a replica', { replicas: 1.5 }, { field: 'spec.replicas', allowed: /integer|whole number/ }),
  wrongSpec(
    'a serviceAccountName with capitals',
    { serviceAccountName: 'Writer' },
    { field: 'spec.serviceAccountName', value: 'Writer', allowed: 'lower-case letters' },
  ),
]

const wrongFilter = (what: string, filter: unknown, said: Said): WrongManifest => ({
  what,
  manifest: { ...right, spec: { ...right.spec, filter } },
  ...said,
})

const filters: readonly WrongManifest[] = [
  wrongFilter('an empty filter', {}, { field: 'spec.filter', allowed: 'at least one event namespace' }),
  wrongFilter('a namespace without topics', { acme: [] }, { field: 'spec.filter.acme', allowed: /at least 1/ }),
  wrongFilter('a topic that is no list', { acme: 'gameStarted' }, { field: 'spec.filter.acme', allowed: /array|list/ }),
  wrongFilter('a filter that is a list', ['acme'], { field: 'spec.filter', allowed: 'object' }),
  wrongFilter(
    'a topic with a slash',
    { acme: ['a/b'] },
    { field: 'spec.filter.acme[0]', value: 'a/b', allowed: 'name of a Kafka topic' },
  ),
  wrongFilter(
    'a topic with a pattern',
    { acme: ['analytics.*'] },
    { field: 'spec.filter.acme[0]', value: 'analytics.*', allowed: 'name of a Kafka topic' },
  ),
  wrongFilter('an empty topic', { acme: [''] }, { field: 'spec.filter.acme[0]', allowed: 'name of a Kafka topic' }),
  wrongFilter(
    'a topic of 250 characters',
    { acme: ['t'.repeat(250)] },
    { field: 'spec.filter.acme[0]', allowed: '249' },
  ),
  wrongFilter('the same topic twice', { acme: ['a', 'a'] }, { field: 'spec.filter.acme', allowed: /duplicate|twice/i }),
  wrongFilter('"*" beside a topic', { acme: ['*', 'a'] }, { field: 'spec.filter.acme', allowed: 'must stand alone' }),
  wrongFilter(
    'a namespace with a space',
    { 'acme eu': ['*'] },
    { field: 'spec.filter', allowed: 'without white space' },
  ),
  wrongFilter('a namespace pattern', { 'acme*': ['*'] }, { field: 'spec.filter', allowed: 'event namespace' }),
  wrongFilter('65 namespaces', Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`n${n}`, ['*']])), {
    field: 'spec.filter',
    allowed: /at most 64/,
  }),
  wrongFilter(
    '257 topics',
    { acme: Array.from({ length: 257 }, (_, n) => `t${n}`) },
    { field: 'spec.filter.acme', allowed: /at most 256/ },
  ),
]

const wrongServers = (value: unknown, said: Omit<Said, 'field'> & { field?: string }): WrongManifest =>
  wrongSpec(
    `bootstrapServers ${JSON.stringify(value)}`,
    { kafka: { bootstrapServers: value } },
    { field: 'spec.kafka.bootstrapServers', ...said },
  )

const secretRef = { name: 'user' }
const wrongSasl = (sasl: Patch, said: Omit<Said, 'field'> & { field?: string }): WrongManifest =>
  wrongSpec(`sasl ${JSON.stringify(sasl)}`, { kafka: { sasl } }, { field: 'spec.kafka.sasl', ...said })

const kafka: readonly WrongManifest[] = [
  wrongServers('kafka:9092', { allowed: /array|list/ }),
  wrongServers([], { allowed: /at least 1/ }),
  wrongServers(['kafka'], { field: 'spec.kafka.bootstrapServers[0]', value: 'kafka', allowed: 'must be host:port' }),
  wrongServers(['kafka:9092,kafka2:9092'], { field: 'spec.kafka.bootstrapServers[0]', allowed: 'must be host:port' }),
  wrongServers(['PLAINTEXT://kafka:9092'], { field: 'spec.kafka.bootstrapServers[0]', allowed: 'must be host:port' }),
  wrongSpec(
    'a groupId with a space',
    { kafka: { groupId: 'my group' } },
    { field: 'spec.kafka.groupId', value: 'my group', allowed: '1 to 249 letters' },
  ),
  wrongSpec(
    'startFrom beginning',
    { kafka: { startFrom: 'beginning' } },
    { field: 'spec.kafka.startFrom', value: 'beginning', allowed: '"earliest"' },
  ),
  wrongSpec('epoch -1', { kafka: { epoch: -1 } }, { field: 'spec.kafka.epoch', value: '-1', allowed: /0/ }),
  wrongSpec(
    'a password without TLS',
    { kafka: { bootstrapServers: ['k:9092'], sasl: { mechanism: 'PLAIN', secretRef } } },
    { field: 'spec.kafka', allowed: 'must have tls where sasl.mechanism is PLAIN' },
  ),
  wrongSpec(
    'a certificate that nobody is to check',
    { kafka: { tls: { insecureSkipVerify: true } } },
    { field: 'spec.kafka.tls.insecureSkipVerify', allowed: /unknown field|caSecretRef/ },
  ),
  wrongSpec(
    'a serverName with a port',
    { kafka: { tls: { serverName: 'kafka:9093' } } },
    { field: 'spec.kafka.tls.serverName', value: 'kafka:9093', allowed: 'must be a host name' },
  ),
  wrongSasl({ mechanism: 'GSSAPI' }, { field: 'spec.kafka.sasl.mechanism', allowed: 'SCRAM-SHA-256' }),
  wrongSasl({ mechanism: 'SCRAM-SHA-512' }, { allowed: 'must have secretRef' }),
  wrongSasl({ mechanism: 'AWS_MSK_IAM', region: 'us-west-2', secretRef }, { allowed: 'not for AWS_MSK_IAM' }),
  wrongSasl({ mechanism: 'AWS_MSK_IAM' }, { allowed: 'must have region' }),
  wrongSasl({ mechanism: 'OAUTHBEARER', secretRef }, { allowed: 'must have tokenEndpoint' }),
  wrongSasl({ mechanism: 'PLAIN', secretRef, scope: 'kafka' }, { allowed: 'for no other mechanism' }),
  wrongSasl(
    { mechanism: 'OAUTHBEARER', secretRef, tokenEndpoint: 'https://login/t', username: 'me' },
    { allowed: 'username must be left out' },
  ),
  wrongSasl(
    { mechanism: 'OAUTHBEARER', secretRef, tokenEndpoint: 'http://login/token' },
    { field: 'spec.kafka.sasl.tokenEndpoint', value: 'http://login/token', allowed: 'must be https://' },
  ),
]

const inTemplate = (podTemplate: Patch) => ({ podTemplate })
const pods: readonly WrongManifest[] = [
  wrongSpec(
    'memory in MB',
    { resources: { limits: { memory: '512MB' } } },
    { field: 'spec.resources.limits.memory', value: '512MB', allowed: /match|quantity such as/ },
  ),
  wrongSpec(
    'a resource as a list',
    { resources: { requests: ['cpu'] } },
    { field: 'spec.resources.requests', allowed: 'object' },
  ),
  wrongSpec('an operator’s label', inTemplate({ metadata: { labels: { 'analytics-connector.io/connector': 'x' } } }), {
    field: 'spec.podTemplate.metadata.labels',
    allowed: 'must be left to the operator',
  }),
  wrongSpec(
    'an operator’s annotation',
    inTemplate({ metadata: { annotations: { 'analytics-connector.io/revision': 'x' } } }),
    { field: 'spec.podTemplate.metadata.annotations', allowed: 'must be left to the operator' },
  ),
  wrongSpec('a label with a space', inTemplate({ metadata: { labels: { team: 'data eng' } } }), {
    field: 'spec.podTemplate.metadata.labels.team',
    value: 'data eng',
    allowed: /match|begin and end with/,
  }),
  wrongSpec('a label that is a number', inTemplate({ metadata: { labels: { tier: 1 } } }), {
    field: 'spec.podTemplate.metadata.labels.tier',
    allowed: 'string',
  }),
  wrongSpec(
    '33 labels',
    inTemplate({ metadata: { labels: Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`l${n}`, 'x'])) } }),
    { field: 'spec.podTemplate.metadata.labels', allowed: /at most 32/ },
  ),
  wrongSpec('a toleration effect', inTemplate({ tolerations: [{ effect: 'NoRun' }] }), {
    field: 'spec.podTemplate.tolerations[0].effect',
    value: 'NoRun',
    allowed: '"NoSchedule"',
  }),
  wrongSpec('a pull secret as text', inTemplate({ imagePullSecrets: ['registry'] }), {
    field: 'spec.podTemplate.imagePullSecrets[0]',
    allowed: 'object',
  }),
  wrongSpec('containers of one’s own', inTemplate({ containers: [] }), {
    field: 'spec.podTemplate.containers',
    allowed: /unknown field|nodeSelector/,
  }),
]

export const wrongManifests: readonly WrongManifest[] = [
  ...names,
  ...metadata,
  ...wholeFields,
  ...scalars,
  ...wrongConfigs,
  ...filters,
  ...kafka,
  ...pods,
  ...wrongReferences,
]
