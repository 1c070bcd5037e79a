import { hash, randomBytes } from 'node:crypto'
import { Socket } from 'node:net'
import { S3Client } from '@aws-sdk/client-s3'
import { describe, expect, test, vi } from 'vitest'
import { crc32Of } from '../../src/sink/byte-log.ts'
import { createClient } from '../../src/sink/s3-client.ts'
import { s3Error } from '../../src/sink/s3-errors.ts'
import { DirectPut } from '../../src/sink/s3-put.ts'
import { targetOf } from '../../src/sink/s3-target.ts'
import { type Answer, recordingServer, WRITTEN } from '../support/recording-server.ts'
import { sinkConfig } from '../support/sink-process.ts'

const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' }
const { signal } = new AbortController()

/** Large enough to be sent in its chunks. */
const chunks = ['a', 'b', 'c'].map((letter) => Buffer.alloc(100_000, letter))
const object = {
  key: 'a b/(c).json',
  chunks,
  crc32: crc32Of(chunks),
  contentType: 'application/x-ndjson',
  metadata: { records: '1' },
}

async function putTo(answer: () => Answer) {
  process.env.AWS_ACCESS_KEY_ID = 'AKIATEST'
  process.env.AWS_SECRET_ACCESS_KEY = 'secret'
  process.env.AWS_SESSION_TOKEN = 'token'
  const server = await recordingServer(answer)
  const s3 = { ...sinkConfig().s3, bucketName: 'acme-events', endpoint: server.origin, forcePathStyle: true }
  return { server, direct: new DirectPut(createClient(s3, '/nowhere'), s3) }
}

test('a body goes out whole from several chunks, with its length, checksum and, over plain http, signed hash', async () => {
  const { server, direct } = await putTo(() => WRITTEN)
  await direct.put(object, signal)
  expect(server.asked[0]).toMatchObject({
    method: 'PUT',
    url: '/acme-events/a%20b/%28c%29.json',
    body: Buffer.concat(chunks).toString(),
    headers: {
      'content-length': '300000',
      'content-type': 'application/x-ndjson',
      'if-none-match': '*',
      'x-amz-checksum-crc32': Buffer.from(object.crc32, 'hex').toString('base64'),
      'x-amz-content-sha256': hash('sha256', Buffer.concat(chunks)),
      'x-amz-meta-records': '1',
      'x-amz-security-token': 'token',
    },
  })
})

test('a large body goes out in pieces: a slow connection is told from a dead one by what has moved', async () => {
  const { server, direct } = await putTo(() => WRITTEN)
  const writes = vi.spyOn(Socket.prototype, 'write')
  const file = randomBytes(1_000_000)
  await direct.put({ ...object, chunks: [file] }, signal)
  const largest = Math.max(...writes.mock.calls.map(([piece]) => piece.length))
  writes.mockRestore()
  expect(server.asked[0]?.body).toBe(file.toString('latin1'))
  expect(largest).toBeLessThanOrEqual(256 * 1024)
})

test('what a proxy on the way may change is not signed', async () => {
  const { server, direct } = await putTo(() => WRITTEN)
  await direct.put(object, signal)
  const { 'user-agent': agent, authorization } = server.asked[0]?.headers ?? {}
  expect(agent).toBe('analytics-connector')
  expect(/SignedHeaders=([^,]*)/.exec(String(authorization))?.[1]?.split(';')).not.toContain('user-agent')
})

test('small bodies go out whole, one after the other and at once, after failures too', async () => {
  let asked = 0
  const { server, direct } = await putTo(() => (asked++ % 3 === 1 ? { status: 503 } : WRITTEN))
  const bodies = Array.from({ length: 12 }, (_, i) => String(i).repeat(1_000 * (12 - i)))
  const put = (body: string) => direct.put({ ...object, chunks: [Buffer.from(body), Buffer.from('end')] }, signal)
  for (const body of bodies.slice(0, 6)) await put(body).catch(() => {})
  await Promise.allSettled(bodies.slice(6).map(put))
  expect(server.asked.map(({ body }) => body).sort()).toEqual(bodies.map((body) => `${body}end`).sort())
})

test('an answer that is no success fails with its code and status, and one without a body with its status', async () => {
  const answers = [
    { status: 403, body: '<Error><Code>AccessDenied</Code><Message>no</Message></Error>' },
    { status: 301, headers: { 'x-amz-bucket-region': 'eu-west-1' } },
  ]
  const { direct } = await putTo(() => answers.shift() ?? WRITTEN)
  await expect(direct.put(object, signal)).rejects.toMatchObject({
    name: 'AccessDenied',
    $metadata: { httpStatusCode: 403 },
  })
  await expect(direct.put(object, signal)).rejects.toMatchObject({
    name: 'Unknown',
    $response: { headers: { 'x-amz-bucket-region': 'eu-west-1' } },
  })
})

test('an answer that is none of S3, as of a proxy, is not taken for what S3 means by its status', async () => {
  const answers = [503, 403, 413].map((status) => ({ status, body: `<html><h1>${status}</h1></html>` }))
  const { direct } = await putTo(() => answers.shift() ?? WRITTEN)
  const codes = []
  for (let i = 0; i < 3; i++)
    codes.push(await direct.put(object, signal).catch((error) => s3Error(error, 'PutObject', sinkConfig().s3).code))
  expect(codes).toEqual(['HTTP 503', 'HTTP 403', 'HTTP 413'])
})

test('an object counts as written only where its ETag is told: a proxy on the way may answer 200 to everything', async () => {
  const answers = [{ status: 200, body: '<html>We are back soon</html>' }, { status: 200 }]
  const { direct } = await putTo(() => answers.shift() ?? WRITTEN)
  for (let i = 0; i < 2; i++) {
    const error = await direct.put(object, signal).catch((thrown: unknown) => thrown)
    expect(s3Error(error, 'PutObject', sinkConfig().s3)).toMatchObject({
      code: 'HTTP 200',
      kind: 'passing',
      message: expect.stringContaining('the answer is not one of S3: see spec.config.endpoint'),
    })
  }
  await direct.put(object, signal)
})

test('after a refusal for the time, requests tell the server’s time', async () => {
  const date = new Date(Date.now() + 3_600_000).toUTCString()
  const skewed = { status: 403, headers: { date }, body: '<Error><Code>RequestTimeTooSkewed</Code></Error>' }
  const answers: Answer[] = [skewed]
  const { server, direct } = await putTo(() => answers.shift() ?? WRITTEN)
  await expect(direct.put(object, signal)).rejects.toMatchObject({ name: 'RequestTimeTooSkewed' })
  await direct.put(object, signal)
  const hours = server.asked.map(({ headers }) => Number(String(headers['x-amz-date']).slice(9, 11)))
  expect(((hours[1] ?? 0) - (hours[0] ?? 0) + 24) % 24).toBe(1)
})

test('an aborted put rejects with the reason', async () => {
  const { direct } = await putTo(() => WRITTEN)
  const over = new AbortController()
  const putting = direct.put(object, over.signal)
  over.abort(new Error('the tenure is over'))
  await expect(putting).rejects.toThrow('the tenure is over')
})

describe('where the bucket is', () => {
  const clientFor = (changes: object) => new S3Client({ region: 'us-west-2', credentials, ...changes })

  test.each([
    ['virtual-hosted in AWS', {}, 'acme-events', true, 'acme-events.s3.us-west-2.amazonaws.com', '/'],
    ['in path style, for a name with dots', {}, 'acme.events', true, 's3.us-west-2.amazonaws.com', '/acme.events/'],
    [
      'at an endpoint with a port and a path',
      { endpoint: 'http://minio:9000/base', forcePathStyle: true },
      'acme-events',
      false,
      'minio:9000',
      '/base/acme-events/',
    ],
    [
      'in a partition of its own',
      { region: 'cn-north-1' },
      'acme-events',
      true,
      'acme-events.s3.cn-north-1.amazonaws.com.cn',
      '/',
    ],
  ])('%s', async (_where, changes, bucket, isTls, host, basePath) => {
    expect(await targetOf(clientFor(changes), bucket)).toMatchObject({ isTls, host, basePath })
  })

  test('needs credentials', async () => {
    const refused = async () => {
      throw Object.assign(new Error('none'), { name: 'CredentialsProviderError' })
    }
    await expect(targetOf(clientFor({ credentials: refused }), 'acme-events')).rejects.toThrow('none')
  })
})
