import { expect, it, onTestFinished, vi } from 'vitest'
import { mskIamToken } from '../../../src/sink/kafka/msk-iam-token.ts'
import { recordingServer } from '../../support/recording-server.ts'

it('a token for Amazon MSK is the URL that AWS’s own signer makes, in base64url', async () => {
  const token = await mskIamToken('us-west-2', new Date('2026-11-24T06:00:00Z'), {
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    sessionToken: 'session+token/==',
  })
  expect(token).toMatch(/^[\w-]+$/)
  const url = new URL(Buffer.from(token, 'base64url').toString())
  expect(url.host).toBe('kafka.us-west-2.amazonaws.com')
  // What aws-msk-iam-sasl-signer-js 1.0.3 makes of the same credentials at the same time.
  expect(Object.fromEntries(url.searchParams)).toEqual({
    Action: 'kafka-cluster:Connect',
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': 'AKIDEXAMPLE/20261124/us-west-2/kafka-cluster/aws4_request',
    'X-Amz-Date': '20261124T060000Z',
    'X-Amz-Expires': '900',
    'X-Amz-Security-Token': 'session+token/==',
    'X-Amz-SignedHeaders': 'host',
    'X-Amz-Signature': '54a36638e61cdf9b5dbb4899bba815f6aa555be556cef83d532b58a87398e97e',
    'User-Agent': 'analytics-connector',
  })
})

it('each token is signed by the credentials that hold when it is made, as those of a role are renewed', async () => {
  let renewals = 0
  const role = async () => ({ accessKeyId: `ASIA${++renewals}`, secretAccessKey: 'secret', sessionToken: 't' })
  const signerOf = async () => {
    const token = await mskIamToken('us-west-2', new Date('2026-11-24T06:00:00Z'), role)
    return new URL(Buffer.from(token, 'base64url').toString()).searchParams.get('X-Amz-Credential')?.split('/')[0]
  }
  expect([await signerOf(), await signerOf()]).toEqual(['ASIA1', 'ASIA2'])
})

it('the pod’s credentials are those that S3 would have, and what STS refuses is told as there', async () => {
  const body = '<ErrorResponse><Error><Code>AccessDenied</Code><Message>of bob</Message></Error></ErrorResponse>'
  const sts = await recordingServer(() => ({ status: 403, body }))
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) vi.stubEnv(name, undefined)
  vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', import.meta.filename)
  vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::111122223333:role/sink')
  vi.stubEnv('AWS_REGION', 'us-west-2')
  vi.stubEnv('AWS_ENDPOINT_URL_STS', sts.origin)
  onTestFinished(() => void vi.unstubAllEnvs())
  await expect(mskIamToken('us-west-2', new Date())).rejects.toThrow(
    'the role of spec.serviceAccountName (or of a profile) cannot be assumed: STS says AccessDenied',
  )
})
