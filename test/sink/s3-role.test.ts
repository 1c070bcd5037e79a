import { createServer } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createClient } from '../../src/sink/s3-client.ts'
import { s3Error } from '../../src/sink/s3-errors.ts'
import { DirectPut } from '../../src/sink/s3-put.ts'
import { assumedRole } from '../../src/sink/s3-role.ts'
import { S3Store } from '../../src/sink/s3-store.ts'
import { type Answer, recordingServer, WRITTEN } from '../support/recording-server.ts'
import { localBucket } from '../support/sink-process.ts'

const roleArn = 'arn:aws:iam::111122223333:role/writer'
const role = { roleArn, externalId: 'acme:42', sessionName: 'games.game-events' }
const place = { bucketName: 'acme-events', region: 'us-west-2' }

const granted = (
  expiration: string,
  accessKeyId = 'ASIA1',
) => `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult><Credentials>
    <AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
    <Expiration>${expiration}</Expiration>
  </Credentials></AssumeRoleResult></AssumeRoleResponse>`
const refused = (code: string) =>
  `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>User: arn:aws:iam::1:user/bob</Message></Error></ErrorResponse>`

async function providerOf(...answers: [Answer, ...Answer[]]) {
  const [last] = answers.slice(-1) as [Answer]
  const sts = await recordingServer(() => answers.shift() ?? last)
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

test('objects are signed by what the role gave, and by what it gives anew once that has ended', async () => {
  const ends = new Date(Date.now() + 1_000).toISOString()
  let renewals = 0
  const sts = await recordingServer(() => ({ status: 200, body: granted(ends, `ASIA${++renewals}`) }))
  const s3 = await recordingServer(() => WRITTEN)
  vi.stubEnv('AWS_ENDPOINT_URL_STS', sts.origin)
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIABASE')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'base')
  onTestFinished(() => void vi.unstubAllEnvs())
  const settings = { ...localBucket('acme-events', 'us-west-2', s3.origin), assumeRole: role }
  const direct = new DirectPut(createClient(settings, '/nowhere'), settings)
  const object = { key: 'k', chunks: [], crc32: '00000000', contentType: 'text/plain', metadata: {} }
  await direct.put(object, new AbortController().signal)
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  await direct.put(object, new AbortController().signal)
  const keys = s3.asked.map(({ headers }) => Number(/Credential=ASIA(\d+)\//.exec(String(headers.authorization))?.[1]))
  expect(keys[1]).toBeGreaterThan(keys[0] ?? Number.POSITIVE_INFINITY)
  expect(s3.asked.map(({ headers }) => headers['x-amz-security-token'])).toEqual(['t', 't'])
  for (const { body } of sts.asked) expect(new URLSearchParams(body).get('ExternalId')).toBe('acme:42')
  direct.close()
})

test.each([
  ['AccessDenied', 403, 'person'],
  ['InvalidClientTokenId', 403, 'person'],
  ['IncompleteSignature', 400, 'person'],
  ['ValidationError', 400, 'person'],
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

test('a server that refuses in the words of S3, not of STS, is told by its status', async () => {
  const { provider } = await providerOf({ status: 403, body: '<Error><Code>SignatureDoesNotMatch</Code></Error>' })
  const error = await provider().catch((thrown: unknown) => thrown)
  expect(s3Error(error, 'PutObject', place)).toMatchObject({
    kind: 'person',
    message: expect.stringMatching(/cannot be assumed: HTTP 403: .*see spec\.config\.credentialsSecretRef$/),
  })
})

test('a page of a proxy is told by its status', async () => {
  const headers = { 'content-type': 'text/html' }
  const { provider, asked } = await providerOf({ status: 503, body: '<html>unavailable</html>', headers })
  const error = await provider().catch((thrown: unknown) => thrown)
  expect(s3Error(error, 'PutObject', place)).toMatchObject({
    kind: 'passing',
    message: expect.stringMatching(/cannot be assumed: HTTP 503$/),
  })
  expect(asked).toHaveLength(1)
})

test('credentials that are missing are for a person, and named', async () => {
  const why = 'the Secret of spec.config.credentialsSecretRef is missing or has no key AWS_ACCESS_KEY_ID'
  const credentials = () => Promise.reject(Object.assign(new Error(why), { name: 'CredentialsProviderError' }))
  const provider = assumedRole(role, { region: 'us-west-2', credentials })
  const error = await provider().catch((thrown: unknown) => thrown)
  expect(s3Error(error, 'PutObject', place)).toMatchObject({
    kind: 'person',
    message: expect.stringMatching(new RegExp(`cannot be assumed: ${why}$`)),
  })
})

test('an STS that does not answer holds nothing up for long, and is named', async () => {
  const silent = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => silent.once('listening', resolve))
  onTestFinished(() => void silent.close())
  const address = silent.address()
  const endpoint = `http://127.0.0.1:${typeof address === 'object' && address?.port}`
  const credentials = { accessKeyId: 'AKIABASE', secretAccessKey: 'base' }
  const provider = assumedRole(role, { region: 'us-west-2', endpoint, credentials }, 100)
  const error = await provider().catch((thrown: unknown) => thrown)
  expect(s3Error(error, 'PutObject', place)).toMatchObject({
    kind: 'passing',
    message: expect.stringMatching(/cannot be assumed: STS of us-west-2 does not answer/),
  })
})

test('while STS fails for now, what it gave before is used to its end', async () => {
  const inMs = (ms: number) => granted(new Date(Date.now() + ms).toISOString())
  const throttled = { status: 400, body: refused('Throttling') }
  const denied = { status: 403, body: refused('AccessDenied') }
  const { provider } = await providerOf({ status: 200, body: inMs(120_000) }, throttled, denied)
  const first = await provider()
  expect(await provider()).toEqual(first)
  await expect(provider()).rejects.toThrow('AccessDenied')
  const { provider: ended } = await providerOf({ status: 200, body: inMs(1_000) }, throttled)
  await ended()
  await expect(ended()).rejects.toThrow('Throttling')
})

test('an answer of somebody else is none of STS: what it gave before is kept, and nobody’s credentials are none', async () => {
  const page = { status: 200, body: '<html><body>We are back soon</body></html>' }
  const { provider } = await providerOf(page, { status: 200, body: granted('2099-01-01T00:00:00Z') }, page)
  await expect(provider()).rejects.toThrow('cannot be assumed: the answer is not one of STS')
  const given = await provider()
  expect(await provider()).toEqual(given)
})

test.each(['ExpiredToken', 'InvalidAccessKeyId'])(
  'credentials that S3 refuses with %s before they should end are not used again',
  async (code) => {
    const ends = new Date(Date.now() + 3_600_000).toISOString()
    let given = 0
    const sts = await recordingServer(() => ({ status: 200, body: granted(ends, `ASIA${++given}`) }))
    const s3 = await recordingServer(({ headers }) =>
      headers.authorization?.includes('Credential=ASIA1/')
        ? { status: 400, body: `<Error><Code>${code}</Code></Error>` }
        : WRITTEN,
    )
    vi.stubEnv('AWS_ENDPOINT_URL_STS', sts.origin)
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIABASE')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'base')
    onTestFinished(() => void vi.unstubAllEnvs())
    const settings = { ...localBucket('acme-events', 'us-west-2', s3.origin), assumeRole: role }
    const store = new S3Store({ s3: settings, credentialsDir: '/nowhere', observer: { called: () => {} } })
    const object = { key: 'k', chunks: [], crc32: '00000000', contentType: 'text/plain', metadata: {} }
    const put = () => store.createIfAbsent(object, new AbortController().signal)
    await expect(put()).rejects.toMatchObject({ code })
    expect([await put(), await put(), given]).toEqual(['created', 'created', 2])
    store.close()
  },
)
