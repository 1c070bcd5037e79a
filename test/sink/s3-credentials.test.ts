import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { mountedCredentials } from '../../src/sink/s3-credentials.ts'

let dir: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'credentials-'))
  await writeFile(join(dir, 'AWS_ACCESS_KEY_ID'), 'id\n')
  await writeFile(join(dir, 'AWS_SECRET_ACCESS_KEY'), 'secret')
})
afterEach(() => rm(dir, { recursive: true }))

test('are read from one file a key, without the line end that an editor adds', async () => {
  expect(await mountedCredentials(dir)()).toMatchObject({ accessKeyId: 'id', secretAccessKey: 'secret' })
  expect(await mountedCredentials(dir)()).not.toHaveProperty('sessionToken')
})

test('include the session token where there is one', async () => {
  await writeFile(join(dir, 'AWS_SESSION_TOKEN'), 'token')
  expect(await mountedCredentials(dir)()).toMatchObject({ sessionToken: 'token' })
})

test('are valid so briefly that a changed Secret is used within seconds', async () => {
  const provider = mountedCredentials(dir)
  const { expiration } = await provider()
  const sdkAsksAgainMs = expiration.getTime() - 5 * 60_000 - Date.now()
  expect(sdkAsksAgainMs).toBeGreaterThan(0)
  expect(sdkAsksAgainMs).toBeLessThanOrEqual(10_000)
  await writeFile(join(dir, 'AWS_ACCESS_KEY_ID'), 'rotated')
  expect(await provider()).toMatchObject({ accessKeyId: 'rotated' })
})

test('a missing key is named, and no value with it', async () => {
  await rm(join(dir, 'AWS_ACCESS_KEY_ID'))
  await expect(mountedCredentials(dir)()).rejects.toThrow(
    'the Secret of spec.config.credentialsSecretRef is missing or has no key AWS_ACCESS_KEY_ID',
  )
})

test('of two missing keys the same one is named each time, as each other word would be a change of the status', async () => {
  await rm(join(dir, 'AWS_ACCESS_KEY_ID'))
  await rm(join(dir, 'AWS_SECRET_ACCESS_KEY'))
  const said = async () => mountedCredentials(dir)().catch((error: Error) => error.message)
  const all = await Promise.all(Array.from({ length: 100 }, said))
  expect([...new Set(all)]).toHaveLength(1)
})
