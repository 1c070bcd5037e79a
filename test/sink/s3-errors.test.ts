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

test.each([
  [answer('AccessDenied', 403), 'person', 'S3 AccessDenied: PutObject on bucket acme-events (us-west-2)'],
  [answer('Forbidden', 403), 'person', 'S3 AccessDenied: PutObject on bucket acme-events (us-west-2)'],
  [answer('NoSuchBucket', 404), 'person', 'S3 NoSuchBucket: PutObject on bucket acme-events (us-west-2)'],
  [answer('SlowDown', 503), 'passing', 'S3 SlowDown: PutObject on bucket acme-events (us-west-2)'],
  [answer('Unknown', 503), 'passing', 'S3 SlowDown: PutObject on bucket acme-events (us-west-2)'],
  [answer('UnknownError', 502), 'passing', 'S3 HTTP 502: PutObject on bucket acme-events (us-west-2)'],
  [answer('ExpiredToken', 400), 'passing', 'S3 ExpiredToken: PutObject on bucket acme-events (us-west-2)'],
  [
    answer('ConditionalRequestConflict', 409),
    'passing',
    'S3 ConditionalRequestConflict: PutObject on bucket acme-events (us-west-2)',
  ],
  [answer('OperationAborted', 409), 'passing', 'S3 OperationAborted: PutObject on bucket acme-events (us-west-2)'],
  [answer('NoSuchUpload', 404), 'passing', 'S3 NoSuchUpload: PutObject on bucket acme-events (us-west-2)'],
  [
    answer('RequestTimeTooSkewed', 403),
    'passing',
    'S3 RequestTimeTooSkewed: PutObject on bucket acme-events (us-west-2): the clock of this machine is wrong',
  ],
  [
    answer('KMS.DisabledException', 400),
    'person',
    'S3 KMS.DisabledException: PutObject on bucket acme-events (us-west-2): the KMS key is disabled',
  ],
  [
    answer('KMS.NotFoundException', 400),
    'person',
    'S3 KMS.NotFoundException: PutObject on bucket acme-events (us-west-2): there is no such KMS key in the bucket’s region',
  ],
  [
    answer('ThrottlingException', 400),
    'passing',
    'S3 ThrottlingException: PutObject on bucket acme-events (us-west-2)',
  ],
  [
    answer('NotImplemented', 501),
    'person',
    'S3 NotImplemented: PutObject on bucket acme-events (us-west-2): the server does not know something that is asked for: perhaps it needs requestChecksumCalculation: when_required',
  ],
])('%s is of kind %s', (error, kind, message) => {
  expect(s3Error(error, 'PutObject', place)).toMatchObject({ kind, message })
})

test('a bucket in another region is named with its region', () => {
  const moved = answer('PermanentRedirect', 301, { 'x-amz-bucket-region': 'eu-west-1' })
  expect(s3Error(moved, 'PutObject', place).message).toMatch(/another region|region eu-west-1/)
})

test('a network error shows what could not be reached, and passes', () => {
  const error = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:443'), { code: 'ECONNREFUSED' })
  expect(s3Error(error, 'PutObject', place)).toMatchObject({
    kind: 'passing',
    message: 'S3 ECONNREFUSED: PutObject on bucket acme-events (us-west-2): connect ECONNREFUSED 10.0.0.1:443',
  })
})

test('nothing that the server quoted back is in the message', () => {
  expect(s3Error(answer('InvalidAccessKeyId', 403), 'PutObject', place).message).toBe(
    'S3 InvalidAccessKeyId: PutObject on bucket acme-events (us-west-2): the access key id is unknown',
  )
})

test('anything may be thrown', () => {
  expect(s3Error('nonsense', 'HeadObject', place).message).toBe(
    'S3 UnknownError: HeadObject on bucket acme-events (us-west-2): nonsense',
  )
})
