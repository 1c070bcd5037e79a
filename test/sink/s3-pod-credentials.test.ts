import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { CA_FILE } from '../../src/contract/names.ts'
import type { SinkConfig } from '../../src/contract/sink-config.ts'
import { crc32Of } from '../../src/sink/byte-log.ts'
import { s3Error } from '../../src/sink/s3-errors.ts'
import { foundCredentials } from '../../src/sink/s3-pod-role.ts'
import { S3Store } from '../../src/sink/s3-store.ts'
import { recordingServer, WRITTEN } from '../support/recording-server.ts'
import { selfSigned } from '../support/self-signed.ts'
import { sinkConfig } from '../support/sink-process.ts'

/** What EKS gives to a pod: a token in a file that is renewed, and where to change it for credentials. */
let dir: string
let tokenFile: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pod-identity-'))
  tokenFile = join(dir, 'token')
  await writeFile(tokenFile, 'first-token')
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) vi.stubEnv(name, undefined)
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(dir, 'none'))
  vi.stubEnv('AWS_CONFIG_FILE', join(dir, 'none'))
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(dir, { recursive: true })
})

const bytes = [Buffer.from('x\n')]
const object = { key: 'a.json', chunks: bytes, crc32: crc32Of(bytes), contentType: 'text/plain', metadata: {} }
/** So soon that the SDK asks again for the next request. */
const endsSoon = () => new Date(Date.now() + 60_000).toISOString()
const granted = (
  accessKeyId: string,
) => `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>${accessKeyId}</AccessKeyId>
  <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>${endsSoon()}</Expiration>
  </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`

function serviceAccountWithRole(sts: string): void {
  vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', tokenFile)
  vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::111122223333:role/sink')
  vi.stubEnv('AWS_REGION', 'us-west-2')
  vi.stubEnv('AWS_ENDPOINT_URL_STS', sts)
}

const { signal } = new AbortController()

function storeAt(endpoint: string, settings: Partial<SinkConfig['s3']> = {}): S3Store {
  return new S3Store({
    s3: { ...sinkConfig().s3, endpoint, forcePathStyle: true, ...settings },
    credentialsDir: '/nowhere',
    authoritiesDir: dir,
    observer: { called: () => {} },
  })
}

/** Writes, renews the token, and writes until the new one was shown. Returns who signed the writes. */
async function writesAcrossRenewal(shown: () => (string | null | undefined)[]): Promise<(string | undefined)[]> {
  const s3 = await recordingServer(() => WRITTEN)
  const store = storeAt(s3.origin)
  await store.createIfAbsent(object, signal)
  await writeFile(tokenFile, 'second-token')
  // The SDK may have asked ahead with the first one.
  for (let more = 0; more < 200 && shown().at(-1) !== 'second-token'; more++) {
    await store.createIfAbsent(object, signal)
    await setTimeout(20)
  }
  await store.createIfAbsent(object, signal)
  store.close()
  return s3.asked.map(({ headers }) => /Credential=([^/]+)/.exec(headers.authorization ?? '')?.[1])
}

test('a role of the service account (IRSA) is taken on by the token in the file, and again by the one that replaces it', async () => {
  let roles = 0
  const sts = await recordingServer(() => ({ status: 200, body: granted(`ASIA${++roles}`) }))
  serviceAccountWithRole(sts.origin)
  const tokens = () => sts.asked.map(({ body }) => new URLSearchParams(body).get('WebIdentityToken'))
  const signedBy = await writesAcrossRenewal(tokens)
  expect([tokens()[0], tokens().at(-1)]).toEqual(['first-token', 'second-token'])
  expect(signedBy[0]).toMatch(/^ASIA[12]$/)
  expect(signedBy.at(-1)).not.toBe(signedBy[0])
})

test.each([
  ['AccessDenied', 403, 'its trust policy must allow sts:AssumeRoleWithWebIdentity to that service account'],
  ['InvalidIdentityTokenException', 400, 'its account must know the cluster as an identity provider (OpenID Connect)'],
])(
  'a role that STS refuses with %s is told as one of the service account, not as an answer of S3',
  async (code, status, hint) => {
    const body = `<ErrorResponse><Error><Code>${code}</Code><Message>of bob</Message></Error></ErrorResponse>`
    const sts = await recordingServer(() => ({ status, body }))
    serviceAccountWithRole(sts.origin)
    const s3 = await recordingServer(() => WRITTEN)
    const store = storeAt(s3.origin)
    const toldBy = (operation: string) => ({
      kind: 'person',
      message: `S3 CredentialsProviderError: ${operation} on bucket acme-events (us-west-2): the role of spec.serviceAccountName (or of a profile) cannot be assumed: STS says ${code}: ${hint}`,
    })
    await expect(store.checkBucket(signal)).rejects.toMatchObject(toldBy('ListObjectsV2'))
    await expect(store.createIfAbsent(object, signal)).rejects.toMatchObject(toldBy('PutObject'))
    expect(s3.asked).toEqual([])
    store.close()
  },
)

test('an STS that does not answer holds nothing up for ever, and is named', async () => {
  const silent = createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void silent.close().closeAllConnections())
  serviceAccountWithRole(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`)
  const error = await foundCredentials(50)().catch((thrown: unknown) => thrown)
  expect(s3Error(error, 'PutObject', sinkConfig().s3)).toMatchObject({
    code: 'TimeoutError',
    kind: 'passing',
    message: expect.stringMatching(/: STS does not answer, .* must be reachable from the sink’s pods$/),
  })
})

test('an agent of EKS Pod Identity that does not answer holds nothing up for ever either: the SDK only warns of that', async () => {
  const silent = createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.2', resolve))
  onTestFinished(() => void silent.close().closeAllConnections())
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `http://127.0.0.2:${(silent.address() as AddressInfo).port}/`)
  vi.stubEnv('AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', tokenFile)
  const error = await foundCredentials(50, 500)().catch((thrown: unknown) => thrown)
  expect(s3Error(error, 'PutObject', sinkConfig().s3)).toMatchObject({
    code: 'TimeoutError',
    message: expect.stringMatching(/: nobody answers who gives the credentials of spec\.serviceAccountName/),
  })
})

test('an agent of EKS Pod Identity that refuses is named, not the last place where the SDK has looked', async () => {
  // As in a pod it is at an address that the SDK takes for the agent's only.
  const agent = createServer((_request, response) => response.writeHead(400).end('{}'))
  await new Promise<void>((resolve) => agent.listen(0, '127.0.0.2', resolve))
  onTestFinished(() => void agent.close().closeAllConnections())
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `http://127.0.0.2:${(agent.address() as AddressInfo).port}/`)
  vi.stubEnv('AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', tokenFile)
  const store = storeAt('http://127.0.0.1:9')
  await expect(store.checkBucket(signal)).rejects.toMatchObject({
    kind: 'person',
    message: expect.stringMatching(
      /^S3 CredentialsProviderError: .*: EKS Pod Identity gives no credentials for spec\.serviceAccountName: .*pods\.eks\.amazonaws\.com/,
    ),
  })
  store.close()
})

test('the authorities of an endpoint are not asked about STS, which is another server', async () => {
  const [own, publicly] = await Promise.all([selfSigned(), selfSigned()])
  const known = getCACertificates('default')
  setDefaultCACertificates([publicly.cert.toString()])
  onTestFinished(() => setDefaultCACertificates(known))
  await writeFile(join(dir, CA_FILE), own.cert)
  const sts = await recordingServer(() => ({ status: 200, body: granted('ASIA1') }), publicly)
  serviceAccountWithRole(sts.origin)
  const s3 = await recordingServer(() => ({ ...WRITTEN, body: '<ListBucketResult/>' }), own)
  const store = storeAt(s3.origin, { authorities: 'mounted' })
  await store.checkBucket(signal)
  expect(await store.createIfAbsent(object, signal)).toBe('created')
  store.close()
})

test('an association of EKS Pod Identity is asked with the token in the file, and again with the one that replaces it', async () => {
  let granted = 0
  const agent = await recordingServer(() => ({
    status: 200,
    body: JSON.stringify({ AccessKeyId: `ASIA${++granted}`, SecretAccessKey: 's', Token: 't', Expiration: endsSoon() }),
  }))
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `${agent.origin}/v1/credentials`)
  vi.stubEnv('AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', tokenFile)
  const tokens = () => agent.asked.map(({ headers }) => headers.authorization)
  const signedBy = await writesAcrossRenewal(tokens)
  expect([tokens()[0], tokens().at(-1)]).toEqual(['first-token', 'second-token'])
  expect(signedBy[0]).toMatch(/^ASIA[12]$/)
  expect(signedBy.at(-1)).not.toBe(signedBy[0])
})
