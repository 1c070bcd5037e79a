import { expect, it } from 'vitest'
import { mskIamToken } from '../../../src/sink/kafka/msk-iam-token.ts'

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
