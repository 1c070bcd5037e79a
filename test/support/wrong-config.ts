import { type WrongManifest, wrongSpec } from './wrong-manifest.ts'

/** One wrong value of a field of `spec.config`, which the message must show. */
function wrongConfig(name: string, value: unknown, allowed: string | RegExp): WrongManifest {
  const shown = typeof value === 'string' || typeof value === 'number' ? { value: String(value) } : {}
  return wrongSpec(
    `${name} ${JSON.stringify(value)}`,
    { config: { [name]: value } },
    { field: `spec.config.${name}`, ...shown, allowed },
  )
}

const config: readonly WrongManifest[] = [
  wrongConfig('eventType', 'game_event', '"game_telemetry"'),
  wrongConfig('eventType', 'GAME_TELEMETRY', '"game_telemetry"'),
  wrongConfig('bucketName', 'Acme-Events', '3 to 63 lower-case letters'),
  wrongConfig('bucketName', 'acme_events', '3 to 63 lower-case letters'),
  wrongConfig('bucketName', 'ac', '3 to 63 lower-case letters'),
  wrongConfig('bucketName', '-acme', '3 to 63 lower-case letters'),
  wrongConfig('bucketName', 's3://acme-events', '3 to 63 lower-case letters'),
  wrongConfig('bucketName', 'acme..events', 'two dots'),
  wrongConfig('bucketName', '192.168.0.1', 'IP address'),
  wrongConfig('bucketName', 'xn--acme', 'must not begin with xn--'),
  wrongConfig('bucketName', 'acme--x-s3', '--x-s3'),
  wrongSpec(
    'a bucketName of 64 characters',
    { config: { bucketName: 'a'.repeat(64) } },
    { field: 'spec.config.bucketName', allowed: '63' },
  ),
  wrongConfig('region', 'US West (Oregon)', 'such as us-west-2'),
  wrongConfig('region', '', 'such as us-west-2'),
  wrongConfig('endpoint', 'minio.storage:9000', 'http:// or https://'),
  wrongConfig('endpoint', 'http://minio.storage:9000/bucket', 'without a path'),
  wrongConfig('endpoint', 'ftp://minio.storage', 'http:// or https://'),
  wrongSpec(
    'forcePathStyle in quotes',
    { config: { forcePathStyle: 'true' } },
    { field: 'spec.config.forcePathStyle', allowed: /boolean|true or false/ },
  ),
  wrongSpec(
    'a subdomain of an IP address',
    { config: { endpoint: 'http://127.0.0.1:9000', forcePathStyle: false } },
    { field: 'spec.config', allowed: 'true or left out while endpoint is an IP address' },
  ),
  wrongSpec(
    'credentials in the clear',
    { config: { credentialsSecretRef: 's3-secret' } },
    { field: 'spec.config.credentialsSecretRef', allowed: 'object' },
  ),
  wrongSpec(
    'a Secret without a name',
    { config: { credentialsSecretRef: {} } },
    { field: 'spec.config.credentialsSecretRef.name', allowed: /required/i },
  ),
  wrongSpec(
    'a Secret name with capitals',
    { config: { credentialsSecretRef: { name: 'S3' } } },
    { field: 'spec.config.credentialsSecretRef.name', value: 'S3', allowed: 'lower-case letters' },
  ),
  wrongSpec(
    'authorities in a Secret whose name has capitals',
    { config: { tls: { caSecretRef: { name: 'CA' } } } },
    { field: 'spec.config.tls.caSecretRef.name', value: 'CA', allowed: 'lower-case letters' },
  ),
  wrongSpec(
    'a key that no Secret can have',
    { config: { tls: { caSecretRef: { name: 'ca', key: 'a/b' } } } },
    { field: 'spec.config.tls.caSecretRef.key', value: 'a/b', allowed: 'key of a Secret' },
  ),
  wrongSpec(
    'a server that is not to be verified',
    { config: { tls: { insecureSkipVerify: true } } },
    { field: 'spec.config.tls.insecureSkipVerify', allowed: /unknown field|caSecretRef/ },
  ),
]

/** A wrong value in an object of `spec.config`. */
const wrongWithin = (name: string, value: Record<string, unknown>, field: string, allowed: string | RegExp) =>
  wrongSpec(
    `${name} ${JSON.stringify(value)}`,
    { config: { [name]: value } },
    { field: `spec.config.${field}`, allowed },
  )

const ROLE = 'arn:aws:iam::111122223333:role/writer'

const objects: readonly WrongManifest[] = [
  wrongConfig('format', 'json', '"ndjson"'),
  wrongConfig('format', 'Parquet', '"parquet"'),
  wrongConfig('compression', 'snappy', '"zstd"'),
  wrongConfig('compression', '', '"none"'),
  wrongConfig('timestampSource', 'client', '"event"'),
  wrongConfig('storageClass', 'standard_ia', '"STANDARD_IA"'),
  wrongConfig('storageClass', 'EXPRESS_ONEZONE', '"STANDARD"'),
  wrongConfig('requestChecksumCalculation', 'WHEN_REQUIRED', '"when_required"'),
  wrongWithin('serverSideEncryption', {}, 'serverSideEncryption.type', /required/i),
  wrongWithin('serverSideEncryption', { type: 'SSE-KMS' }, 'serverSideEncryption.type', '"aws:kms"'),
  wrongWithin(
    'serverSideEncryption',
    { type: 'AES256', kmsKeyId: 'k' },
    'serverSideEncryption',
    'unless type is aws:kms',
  ),
  wrongWithin(
    'serverSideEncryption',
    { type: 'aws:kms', kmsKeyId: 'a key' },
    'serverSideEncryption.kmsKeyId',
    'no white space',
  ),
  wrongWithin('assumeRole', {}, 'assumeRole.roleArn', /required/i),
  wrongWithin('assumeRole', { roleArn: 'events-writer' }, 'assumeRole.roleArn', 'ARN of an IAM role'),
  wrongWithin(
    'assumeRole',
    { roleArn: 'arn:aws:iam::111122223333:user/writer' },
    'assumeRole.roleArn',
    'ARN of an IAM role',
  ),
  wrongWithin('assumeRole', { roleArn: ROLE, externalId: 'x' }, 'assumeRole.externalId', '2 to 1224'),
  wrongWithin('assumeRole', { roleArn: ROLE, externalId: 'a b' }, 'assumeRole.externalId', '2 to 1224'),
]

const wrongPath = (value: string, allowed: string) => wrongConfig('customPath', value, allowed)

const paths: readonly WrongManifest[] = [
  wrongPath('', 'must end with a file name'),
  wrongPath('events/{topic}/', 'must end with a file name'),
  wrongPath('events/{game}/{topic}.json', '{eventType} {namespace} {realm}'),
  wrongPath('events/{YYYY}/{topic}.json', '{yyyy}'),
  wrongPath('events/${topic.json', 'only around placeholders'),
  wrongPath('events/{{topic}}.json', 'only around placeholders'),
  wrongPath('/events/{topic}.json', 'must not begin with a slash'),
  wrongPath('events//{topic}.json', 'empty folder name'),
  wrongPath('events/../{topic}.json', 'must not have . or ..'),
  wrongPath('./{topic}.json', 'must not have . or ..'),
  wrongPath('events/{topic}.json/..', 'must not have . or ..'),
  wrongPath('events/\t/{topic}.json', 'control characters'),
  wrongPath(`${'x'.repeat(900)}/{topic}.json`, 'must be shorter'),
  wrongSpec(
    'a customPath of 1025 characters',
    { config: { customPath: 'x'.repeat(1025) } },
    { field: 'spec.config.customPath', allowed: '1024' },
  ),
]

const DURATION = 'from 1s to 1d that divides a day'
const INTERVAL = 'from 1s to 24h'
const PART = 'from 5242880 to 134217728 bytes'
const MEMORY = 'from 1024 to 1073741824 bytes'
const EVENTS = 'from 1 to 10000000'

const quantities: readonly WrongManifest[] = [
  ...['7m', '25h', '2d', '15 minutes', '15M', '-15m', 'PT15M', '', '999', 0, 7_000].map((value) =>
    wrongConfig('customPartitionDuration', value, DURATION),
  ),
  ...['0', '0s', '1441', '25h', '5min', '1h30m', '0.5m', '1w', -5].map((value) =>
    wrongConfig('flushInterval', value, INTERVAL),
  ),
  ...['5242879', '4Mi', '129Mi', '5MB', '5 Mi', '5242880.0', 'big', 1, 134_217_729].map((value) =>
    wrongConfig('partSize', value, PART),
  ),
  ...['0', '1023', '2Gi', '64MB', '64mi', '-1', 99_999_999_999].map((value) =>
    wrongConfig('flushMemory', value, MEMORY),
  ),
  ...['0', '10000001', '10k', '1e4', '10,000', -1].map((value) => wrongConfig('flushSize', value, EVENTS)),
  wrongConfig('flushSize', true, /integer|number/),
  wrongSpec(
    'half an event',
    { config: { flushSize: 1.5 } },
    { field: 'spec.config.flushSize', allowed: /integer|number/ },
  ),
  wrongConfig('flushInterval', ['5m'], /integer|string/),
]

/** Every field of `spec.config`. */
export const wrongConfigs: readonly WrongManifest[] = [...config, ...objects, ...paths, ...quantities]
