import { expect, test } from 'vitest'
import type { SinkConfig } from '../../src/contract/sink-config.ts'
import { checkBucket } from '../../src/sink/bucket-check.ts'
import { crc32Of } from '../../src/sink/byte-log.ts'
import { type S3Observer, S3Store } from '../../src/sink/s3-store.ts'
import { type Answer, type Asked, recordingServer, WRITTEN } from '../support/recording-server.ts'
import { sinkConfig } from '../support/sink-process.ts'

const { signal } = new AbortController()
const CREATED = '<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>'
const COMPLETED = '<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>'
const failed = (code: string) => `<Error><Code>${code}</Code><Message>no</Message></Error>`

/** The operation, as far as these tests tell them apart. */
function operationOf({ method, url }: Asked): string {
  const { searchParams } = new URL(url, 'http://s3')
  if (searchParams.has('uploads')) return 'CreateMultipartUpload'
  if (searchParams.has('partNumber')) return 'UploadPart'
  if (searchParams.has('uploadId')) return method === 'DELETE' ? 'AbortMultipartUpload' : 'CompleteMultipartUpload'
  return method === 'PUT' ? 'PutObject' : method
}

/** An S3 server that has no object and says yes to every write, except where a test has another answer. */
async function s3(given: Readonly<Record<string, Answer>> = {}) {
  const answers: Readonly<Record<string, Answer>> = { HEAD: { status: 404 }, ...given }
  return recordingServer((asked) => {
    const operation = operationOf(asked)
    const body = { CreateMultipartUpload: CREATED, CompleteMultipartUpload: COMPLETED }[operation] ?? ''
    return answers[operation] ?? { status: 200, body, headers: { etag: '"e"' } }
  })
}

function storeAt(
  endpoint: string,
  changes: Partial<SinkConfig['s3']> = {},
  observer: S3Observer = { called: () => {} },
) {
  process.env.AWS_ACCESS_KEY_ID = 'AKIATEST'
  process.env.AWS_SECRET_ACCESS_KEY = 'secret'
  return new S3Store({
    s3: {
      bucketName: 'acme-events',
      region: 'us-west-2',
      endpoint,
      forcePathStyle: true,
      partSizeBytes: 40 * 1024 * 1024,
      credentials: 'default',
      requestChecksumCalculation: 'when_supported',
      ...changes,
    },
    credentialsDir: '/nowhere',
    observer,
  })
}

const mebibyte = Buffer.alloc(1024 * 1024, 'x')
const small = {
  key: 'a.json',
  chunks: [Buffer.from('x\n')],
  crc32: crc32Of(['x\n']),
  contentType: 'application/x-ndjson',
  metadata: { records: '1' },
}
const chunksOfLarge = Array.from({ length: 65 }, () => mebibyte)
const large = { ...small, key: 'b.json', chunks: chunksOfLarge, crc32: crc32Of(chunksOfLarge) }

const asksFor = {
  serverSideEncryption: { type: 'aws:kms', kmsKeyId: 'alias/events' },
  storageClass: 'STANDARD_IA',
} as const

test.each([
  ['PutObject', small],
  ['CreateMultipartUpload', large],
])('%s asks for encryption and storage class as configured', async (operation, object) => {
  const server = await s3()
  await storeAt(server.origin, asksFor).createIfAbsent(object, signal)
  const [request] = server.asked.filter((each) => operationOf(each) === operation)
  expect(request?.headers).toMatchObject({
    'x-amz-server-side-encryption': 'aws:kms',
    'x-amz-server-side-encryption-aws-kms-key-id': 'alias/events',
    'x-amz-storage-class': 'STANDARD_IA',
    'x-amz-meta-records': '1',
    'content-type': 'application/x-ndjson',
  })
})

test('asks for nothing that is not configured', async () => {
  const server = await s3()
  await storeAt(server.origin).createIfAbsent(small, signal)
  expect(
    Object.keys(server.asked[0]?.headers ?? {}).filter((name) => /encryption|storage-class|acl|tagging/.test(name)),
  ).toEqual([])
})

test.each([
  ['when_supported', true],
  ['when_required', false],
] as const)('with checksums %s a CRC-32 goes with each body: %s', async (requestChecksumCalculation, goes) => {
  const server = await s3()
  const store = storeAt(server.origin, { requestChecksumCalculation })
  await store.createIfAbsent(small, signal)
  await store.createIfAbsent(large, signal)
  for (const request of server.asked.filter((each) => ['PutObject', 'UploadPart'].includes(operationOf(each)))) {
    const names = Object.keys(request.headers).filter((name) => name.includes('checksum'))
    expect([names.includes('x-amz-checksum-crc32'), names.length > 0]).toEqual([goes, goes])
  }
})

test('each write is conditional, in one piece and in parts', async () => {
  const server = await s3()
  const store = storeAt(server.origin)
  await store.createIfAbsent(small, signal)
  await store.createIfAbsent(large, signal)
  const conditional = server.asked.filter(({ headers }) => headers['if-none-match'] === '*').map(operationOf)
  expect(conditional).toEqual(['PutObject', 'CompleteMultipartUpload'])
  expect(server.asked.map(operationOf).filter((operation) => operation === 'UploadPart')).toHaveLength(2)
})

test('in parts nothing is written over by a server that ignores the condition on completion', async () => {
  const server = await s3({ HEAD: WRITTEN })
  expect(await storeAt(server.origin).createIfAbsent(large, signal)).toBe('exists')
  await expect.poll(() => server.asked.map(operationOf)).toContain('AbortMultipartUpload')
  expect(server.asked.map(operationOf)).not.toContain('CompleteMultipartUpload')
})

test('that an object is not there yet is an answer: no failure is counted, and in parts it is asked for each', async () => {
  const called: string[] = []
  const observer = {
    called: (operation: string, _ms: number, error: Error | null) => called.push(error?.message ?? operation),
  }
  const store = storeAt((await s3()).origin, {}, observer)
  expect(await store.head('a.json', signal)).toBeNull()
  expect(await store.createIfAbsent(large, signal)).toBe('created')
  const parts = ['CreateMultipartUpload', 'UploadPart', 'UploadPart', 'HeadObject', 'CompleteMultipartUpload']
  expect(called).toEqual(['HeadObject', ...parts])
})

test('a server that says yes to every write is found out before anything is delivered', async () => {
  const server = await s3()
  const { connector, s3: place } = sinkConfig()
  await expect(checkBucket(storeAt(server.origin), { connector, s3: place }, signal)).rejects.toMatchObject({
    code: 'ConditionalWriteIgnored',
  })
  expect(server.asked.map(operationOf)).toEqual(['GET', 'PutObject', 'PutObject'])
})

test('a completion that answers 200 with an error inside has failed, and its parts are given free', async () => {
  const server = await s3({ CompleteMultipartUpload: { status: 200, body: failed('InternalError') } })
  await expect(storeAt(server.origin).createIfAbsent(large, signal)).rejects.toMatchObject({
    code: 'InternalError',
    kind: 'passing',
  })
  await expect.poll(() => server.asked.map(operationOf)).toContain('AbortMultipartUpload')
})

test('a 200 that is of somebody else tells of no object: it may come from a proxy just when the connection to S3 was lost', async () => {
  const server = await s3({ HEAD: { status: 200 } })
  await expect(storeAt(server.origin).head('a.json', signal)).rejects.toMatchObject({
    code: 'HTTP 200',
    kind: 'passing',
  })
})

test.each([
  ['CreateMultipartUpload', '<html><body>We are back soon</body></html>', ['CreateMultipartUpload']],
  ['CreateMultipartUpload', '', ['CreateMultipartUpload']],
  ['UploadPart', '', ['CreateMultipartUpload', 'UploadPart', 'UploadPart', 'AbortMultipartUpload']],
])(
  'no request for an upload goes out without its id, which would be one for the object: %s is answered 200 with "%s"',
  async (operation, body, asked) => {
    const server = await s3({ [operation]: { status: 200, body } })
    await expect(storeAt(server.origin).createIfAbsent(large, signal)).rejects.toMatchObject({ code: 'HTTP 200' })
    await expect.poll(() => server.asked.map(operationOf)).toEqual(asked)
  },
)

test.each([
  ['an answer of somebody else', '<html><body>We are back soon</body></html>'],
  ['an error that ends in a line break, which the SDK takes for none', `${failed('InternalError')}\n`],
])('a completion whose 200 is %s has failed', async (_what, body) => {
  const server = await s3({ CompleteMultipartUpload: { status: 200, body } })
  await expect(storeAt(server.origin).createIfAbsent(large, signal)).rejects.toMatchObject({
    code: 'HTTP 200',
    kind: 'passing',
  })
  await expect.poll(() => server.asked.map(operationOf)).toContain('AbortMultipartUpload')
})

test('after a part that failed no other is begun, and the parts are given free when none is under way', async () => {
  const server = await s3({ UploadPart: { status: 503, body: failed('SlowDown') } })
  const store = storeAt(server.origin, { partSizeBytes: 5 * 1024 * 1024 })
  await expect(store.createIfAbsent(large, signal)).rejects.toMatchObject({ code: 'SlowDown' })
  await expect
    .poll(() => server.asked.map(operationOf))
    .toEqual(['CreateMultipartUpload', ...Array.from({ length: 4 }, () => 'UploadPart'), 'AbortMultipartUpload'])
})

test('an upload that a lifecycle rule has removed is a failure that passes: the object is written again', async () => {
  const server = await s3({ UploadPart: { status: 404, body: failed('NoSuchUpload') } })
  await expect(storeAt(server.origin).createIfAbsent(large, signal)).rejects.toMatchObject({
    code: 'NoSuchUpload',
    kind: 'passing',
  })
})

test('a server that refuses to give parts free does not change the outcome', async () => {
  const server = await s3({
    CompleteMultipartUpload: { status: 412, body: failed('PreconditionFailed') },
    AbortMultipartUpload: { status: 403, body: failed('AccessDenied') },
  })
  expect(await storeAt(server.origin).createIfAbsent(large, signal)).toBe('exists')
  await expect.poll(() => server.asked.map(operationOf)).toContain('AbortMultipartUpload')
})
