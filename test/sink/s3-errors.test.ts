import { S3ServiceException } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { s3Error } from '../../src/sink/s3-errors.ts'

const place = { bucketName: 'acme-events', region: 'us-west-2' }

function answer(name: string, httpStatusCode: number, headers: Record<string, string> = {}): S3ServiceException {
  const error = new S3ServiceException({
    name,
    $fault: 'client',
    message: 'secret AKIA123',
    $metadata: { httpStatusCode },
  })
  Object.assign(error, { $response: { headers } })
  return error
}

const KEY = 'see spec.config.serverSideEncryption.kmsKeyId'
const SECRET = 'see spec.config.credentialsSecretRef'
const CHECKSUMS = 'perhaps it needs spec.config.requestChecksumCalculation: when_required'
const CONDITION = 'perhaps it has no conditional writes (If-None-Match: *), without which nothing is delivered'
const WRITE_DENIED =
  's3:PutObject must be allowed to the sink’s role or user, and where the bucket is another account’s by the bucket’s policy too'

test.each([
  ['AccessDenied', 403, 'person', WRITE_DENIED],
  ['NoSuchBucket', 404, 'person', 'there is no such bucket: see spec.config.bucketName'],
  ['InvalidAccessKeyId', 403, 'person', `the access key id is unknown: ${SECRET}`],
  ['SignatureDoesNotMatch', 403, 'person', `the secret access key is wrong: ${SECRET}`],
  ['InvalidToken', 400, 'person', `the session token is wrong: ${SECRET}`],
  [
    'ExpiredToken',
    400,
    'passing',
    `the session token has expired: one that a role gives is renewed by itself, for another ${SECRET}`,
  ],
  ['RequestTimeTooSkewed', 403, 'passing', 'the clock of this machine is wrong by more than 15 minutes'],
  ['SlowDown', 503, 'passing', 'too many requests for now, which passes by itself'],
  ['ConditionalRequestConflict', 409, 'passing', ''],
  ['OperationAborted', 409, 'passing', ''],
  ['NoSuchUpload', 404, 'passing', ''],
  ['InternalError', 500, 'passing', ''],
  ['ThrottlingException', 400, 'passing', ''],
  ['KMS.DisabledException', 400, 'person', `the KMS key is disabled: ${KEY}`],
  ['KMS.NotFoundException', 400, 'person', `there is no such KMS key in the bucket’s region: ${KEY}`],
  ['kms:KeyNotFound', 404, 'person', `there is no such KMS key on the server: ${KEY}`],
  ['kms:NotAuthorized', 403, 'person', `the server may not use the KMS key: ${KEY}`],
  [
    'NotImplemented',
    501,
    'person',
    `the server does not know something that is asked for: ${CONDITION}, or ${CHECKSUMS}`,
  ],
  ['InvalidStorageClass', 400, 'person', 'the server does not know spec.config.storageClass'],
  ['PermanentRedirect', 301, 'person', 'the bucket is in another region: see spec.config.region'],
  ['AuthorizationHeaderMalformed', 400, 'person', 'the bucket is in another region: see spec.config.region'],
])('%s (%i) is of kind %s and says what to do', (code, status, kind, hint) => {
  const message = `S3 ${code}: PutObject on bucket acme-events (us-west-2)${hint && `: ${hint}`}`
  expect(s3Error(answer(code, status), 'PutObject', place)).toMatchObject({ code, kind, message })
})

test.each([
  ['Forbidden', 403, 'AccessDenied'],
  ['Unknown', 503, 'SlowDown'],
  ['UnknownError', 502, 'HTTP 502'],
])('an answer without a code (%s, %i) has that of its status', (name, status, code) => {
  expect(s3Error(answer(name, status), 'PutObject', place).code).toBe(code)
})

test.each([
  ['by a header', answer('PermanentRedirect', 301, { 'x-amz-bucket-region': 'eu-west-1' })],
  ['in the body', Object.assign(answer('AuthorizationHeaderMalformed', 400), { Region: 'eu-west-1' })],
  ['beside a status only', answer('UnknownError', 400, { 'x-amz-bucket-region': 'eu-west-1' })],
])('a bucket in another region is named with its region, told %s', (_how, error) => {
  expect(s3Error(error, 'HeadObject', place).message).toMatch(
    /: the bucket is in region eu-west-1: see spec\.config\.region$/,
  )
})

test('the right region, which AWS tells with most answers, is not taken for another', () => {
  const { message } = s3Error(answer('AccessDenied', 403, { 'x-amz-bucket-region': 'us-west-2' }), 'PutObject', place)
  expect(message).toMatch(/s3:PutObject must be allowed/)
})

test.each([
  ['ListObjectsV2', 's3:ListBucket'],
  ['HeadObject', 's3:GetObject and s3:ListBucket'],
  ['UploadPart', 's3:PutObject'],
  ['ListMultipartUploads', 's3:ListBucketMultipartUploads'],
])('%s that is denied names the permission: %s', (operation, action) => {
  expect(s3Error(answer('AccessDenied', 403), operation, place).message).toContain(`: ${action} must be allowed to`)
})

test('a KMS key that may not be used is told from the bucket, and who asked is not quoted', () => {
  const error = answer('AccessDenied', 403)
  error.message =
    'User: arn:aws:sts::111122223333:assumed-role/writer/pod is not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:…'
  expect(s3Error(error, 'PutObject', place)).toMatchObject({
    kind: 'person',
    message: `S3 AccessDenied: PutObject on bucket acme-events (us-west-2): kms:GenerateDataKey must be allowed by the policy of the KMS key: ${KEY}`,
  })
})

test('a server that has no keys is told so where encryption is asked for, and only with what it is asked for with', () => {
  const told = (operation: string, type?: 'AES256') =>
    s3Error(answer('NotImplemented', 501), operation, { ...place, serverSideEncryption: type && { type } }).message
  for (const operation of ['PutObject', 'CreateMultipartUpload'])
    expect(told(operation, 'AES256')).toMatch(
      /perhaps it has no keys for spec\.config\.serverSideEncryption, or perhaps it needs .*when_required$/,
    )
  for (const message of [told('PutObject'), told('HeadObject', 'AES256')])
    expect(message).not.toContain('serverSideEncryption')
})

test('a server that does not know conditional writes is told so where something is written, and only there', () => {
  const told = (operation: string) => s3Error(answer('NotImplemented', 501), operation, place).message
  for (const operation of ['PutObject', 'CompleteMultipartUpload']) expect(told(operation)).toContain(CONDITION)
  for (const operation of ['UploadPart', 'ListObjectsV2'])
    expect(told(operation)).toMatch(/asked for: perhaps it needs/)
})

test.each([
  ['NotImplemented', 501, "Header 'x-amz-checksum-crc32' with value 'AAAAAA==' not implemented"],
  ['InvalidArgument', 400, "Unsupported header 'x-amz-checksum-crc32' received for this API call."],
])('a server that names the checksum it does not know is told so: %s', (code, status, why) => {
  const error = Object.assign(answer(code, status), { message: why })
  expect(s3Error(error, 'PutObject', place).message).toMatch(
    /: the server does not know the checksum that goes with each object: it needs spec\.config\.requestChecksumCalculation: when_required$/,
  )
})

test.each([
  'the Credential is mal-formed; expecting &quot;&lt;YOUR-AKID&gt;/YYYYMMDD/REGION/SERVICE/aws4_request&quot;.',
  'a non-empty Access Key (AKID) must be provided in the credential.',
])('a key id that is none is not taken for a wrong region: %s', (why) => {
  const error = answer('AuthorizationHeaderMalformed', 400)
  error.message = `The authorization header is malformed; ${why}`
  expect(s3Error(error, 'ListObjectsV2', place)).toMatchObject({
    code: 'InvalidAccessKeyId',
    message: `S3 InvalidAccessKeyId: ListObjectsV2 on bucket acme-events (us-west-2): the access key id is unknown: ${SECRET}`,
  })
})

test.each([
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'person', /may not speak TLS: see spec\.config\.endpoint/],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'person', /name its own by spec\.config\.tls\.caSecretRef$/],
  ['ERR_INVALID_URL', 'person', /see spec\.config\.endpoint: its port must be at most 65535/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'person', /for another name: see spec\.config\.endpoint$/],
  ['HPE_INVALID_CONSTANT', 'passing', /the server may expect https:\/\/: see spec\.config\.endpoint$/],
  ['ENOTFOUND', 'passing', /no such host: see spec\.config\.region$/],
])('no answer for %s is of kind %s and names the field', (code, kind, words) => {
  const error = Object.assign(new Error('what the system says'), { code })
  expect(s3Error(error, 'PutObject', place)).toMatchObject({ kind, message: expect.stringMatching(words) })
})

test('a host that is not there is one of the endpoint, where that is configured', () => {
  const error = Object.assign(new Error('getaddrinfo ENOTFOUND acme-events.minio'), { code: 'ENOTFOUND' })
  expect(s3Error(error, 'PutObject', { ...place, endpoint: 'http://minio' }).message).toMatch(
    /no such host: see spec\.config\.endpoint, and spec\.config\.forcePathStyle/,
  )
})

test('a network error shows what could not be reached, and passes', () => {
  const error = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:443'), { code: 'ECONNREFUSED' })
  expect(s3Error(error, 'PutObject', place)).toMatchObject({
    kind: 'passing',
    message: 'S3 ECONNREFUSED: PutObject on bucket acme-events (us-west-2): connect ECONNREFUSED 10.0.0.1:443',
  })
})

test('of what OpenSSL says only the reason is told', () => {
  const text =
    'write EPROTO 407D8252:error:0A00010B:SSL routines:tls_validate_record_header:wrong version number:../ssl/record.c:77:'
  const error = Object.assign(new Error(text), { code: 'EPROTO' })
  expect(s3Error(error, 'PutObject', place).message).toBe(
    'S3 EPROTO: PutObject on bucket acme-events (us-west-2): wrong version number: the server may not speak TLS: see spec.config.endpoint, which begins with https://',
  )
})

test('a connection that is closed without a word may be one that should be encrypted, and only then', () => {
  const closed = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
  const messageAt = (endpoint?: string) => s3Error(closed, 'PutObject', { ...place, endpoint }).message
  expect(messageAt('http://minio:9000')).toMatch(/may expect https:\/\/: see spec\.config\.endpoint$/)
  expect(
    [messageAt('https://minio:9000'), messageAt()].filter((message) => !message.endsWith('socket hang up')),
  ).toEqual([])
})

test('an answer that is none of S3, as of a proxy or a console, is told as such and not quoted', () => {
  const unread = (statusCode: number) =>
    Object.assign(new Error('XML parse error: <html>'), { $response: { statusCode, headers: {} } })
  for (const error of [unread(400), unread(200), answer('Unknown', 400), answer('NotFound', 404)])
    expect(s3Error(error, 'ListObjectsV2', place).message).toMatch(
      /^S3 (HTTP [24]00|NotFound): ListObjectsV2 on bucket acme-events \(us-west-2\): the answer is not one of S3: see spec\.config\.endpoint, /,
    )
})

test.each([
  [413, 'person', 'a proxy on the way does not take bodies of this size: see its limit, and spec.config.flushMemory'],
  [308, 'passing', 'the answer is not one of S3: see spec.config.endpoint, its http:// or https:// and its port'],
])('HTTP %i of a proxy is of kind %s and says what to do', (statusCode, kind, hint) => {
  const unread = Object.assign(new Error('<html>'), { $response: { statusCode, headers: {} } })
  const message = `S3 HTTP ${statusCode}: PutObject on bucket acme-events (us-west-2): ${hint}`
  expect(s3Error(unread, 'PutObject', place)).toMatchObject({ kind, message })
})

test('nobody is told to switch checksums off who has done that', () => {
  const without = { ...place, requestChecksumCalculation: 'when_required' } as const
  expect(s3Error(answer('InvalidRequest', 400), 'PutObject', without).message).toMatch(
    /: the server does not take the request: perhaps it wants a checksum, as for Object Lock: leave out spec\.config\.requestChecksumCalculation$/,
  )
  expect(s3Error(answer('NotImplemented', 501), 'PutObject', without).message).toMatch(/nothing is delivered$/)
  expect(s3Error(answer('NotImplemented', 501), 'UploadPart', without).message).toMatch(
    /: the server does not know something that is asked for$/,
  )
})

test('nothing that the server quoted back is in the message', () => {
  expect(s3Error(answer('InvalidAccessKeyId', 403), 'PutObject', place).message).toBe(
    'S3 InvalidAccessKeyId: PutObject on bucket acme-events (us-west-2): the access key id is unknown: see spec.config.credentialsSecretRef',
  )
})

test('anything may be thrown', () => {
  expect(s3Error('nonsense', 'HeadObject', place).message).toBe(
    'S3 UnknownError: HeadObject on bucket acme-events (us-west-2): nonsense',
  )
})
