import { expect, test } from 'vitest'
import { s3Error } from '../../src/sink/s3-errors.ts'
import { assumedRole } from '../../src/sink/s3-role.ts'
import { type Answer, recordingServer } from '../support/recording-server.ts'

const roleArn = 'arn:aws:iam::111122223333:role/writer'
const role = { roleArn, externalId: 'acme:42', sessionName: 'games.game-events' }
const place = { bucketName: 'acme-events', region: 'us-west-2' }

const granted = (expiration: string) => `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult><Credentials>
    <AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
    <Expiration>${expiration}</Expiration>
  </Credentials></AssumeRoleResult></AssumeRoleResponse>`
const refused = (code: string) =>
  `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>User: arn:aws:iam::1:user/bob</Message></Error></ErrorResponse>`

async function providerOf(answer: Answer) {
  const sts = await recordingServer(() => answer)
  const credentials = { accessKeyId: 'AKIABASE', secretAccessKey: 'base' }
  const client = { region: 'us-west-2', endpoint: sts.origin, credentials, maxAttempts: 1 }
  return { provider: assumedRole(role, client), asked: sts.asked }
}

test('the role is asked for with its external id, a session named after the connector, and the sink’s own credentials', async () => {
  const { provider, asked } = await providerOf({ status: 200, body: granted('2026-11-24T12:00:00Z') })
  expect(await provider()).toEqual({
    accessKeyId: 'ASIA1',
    secretAccessKey: 's',
    sessionToken: 't',
    expiration: new Date('2026-11-24T12:00:00Z'),
  })
  expect(Object.fromEntries(new URLSearchParams(asked[0]?.body))).toMatchObject({
    Action: 'AssumeRole',
    RoleArn: roleArn,
    ExternalId: 'acme:42',
    RoleSessionName: 'games.game-events',
  })
  expect(asked[0]?.headers.authorization).toContain('Credential=AKIABASE/')
})

test.each([
  ['AccessDenied', 403, 'person'],
  ['InvalidClientTokenId', 403, 'person'],
  ['ExpiredToken', 403, 'passing'],
  ['Throttling', 400, 'passing'],
])('a refusal with %s names the role and not the bucket’s policy, and quotes nobody', async (code, status, kind) => {
  const { provider } = await providerOf({ status, body: refused(code) })
  const error = await provider().catch((thrown: unknown) => thrown)
  expect(s3Error(error, 'PutObject', place)).toMatchObject({
    kind,
    message: expect.stringContaining(`: role ${roleArn} of spec.config.assumeRole cannot be assumed: ${code}`),
  })
  expect(String(error)).not.toContain('bob')
})
