import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { crc32Of } from '../../src/sink/byte-log.ts'
import { S3Store } from '../../src/sink/s3-store.ts'
import { recordingServer } from '../support/recording-server.ts'
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

/** Writes, renews the token, and writes until the new one was shown. Returns who signed the writes. */
async function writesAcrossRenewal(shown: () => (string | null | undefined)[]): Promise<(string | undefined)[]> {
  const s3 = await recordingServer(() => ({ status: 200 }))
  const store = new S3Store({
    s3: { ...sinkConfig().s3, endpoint: s3.origin, forcePathStyle: true },
    credentialsDir: '/nowhere',
    observer: { called: () => {} },
  })
  const { signal } = new AbortController()
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
  let granted = 0
  const sts = await recordingServer(() => ({
    status: 200,
    body: `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
      <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA${++granted}</AccessKeyId>
      <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>${endsSoon()}</Expiration>
      </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
  }))
  vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', tokenFile)
  vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::111122223333:role/sink')
  vi.stubEnv('AWS_ENDPOINT_URL_STS', sts.origin)
  const tokens = () => sts.asked.map(({ body }) => new URLSearchParams(body).get('WebIdentityToken'))
  const signedBy = await writesAcrossRenewal(tokens)
  expect([tokens()[0], tokens().at(-1)]).toEqual(['first-token', 'second-token'])
  expect(signedBy[0]).toMatch(/^ASIA[12]$/)
  expect(signedBy.at(-1)).not.toBe(signedBy[0])
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
