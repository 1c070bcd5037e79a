import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { makeCertificates } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { apply } from '../../support/kubectl.ts'
import { S3Front } from '../../support/s3-front.ts'
import { type Scene, test } from '../scene.ts'

const NAME = 'mistaken'
/** A mistake shows within this: what a person who has just typed `kubectl apply` will wait. */
const SHOWN_WITHIN_MS = 30_000

test.concurrent('a bucket that does not exist shows as FAILED with S3’s error, and delivery begins by itself once it is created', async ({
  scene,
}) => {
  const missing = scene.otherBucket('missing')
  await scene.send(100)
  await scene.apply(NAME, { bucketName: missing.name })
  await failed(scene, /NoSuchBucket/, missing.name)
  expect(await scene.columns(NAME)).toMatchObject({ READY: 'False', ACTIVE: 'False' })
  // The Event comes a moment after the status.
  const told = /Warning +BucketNotFound .* S3 NoSuchBucket: .*-missing/
  await eventually(10_000, async () => expect(await scene.kubectl('describe', 'ac', NAME)).toMatch(told))

  await missing.create()
  await scene.ready(NAME)
  expect(await scene.columns(NAME)).toMatchObject({ STATUS: 'ACTIVE', ERROR: '' })
  await scene.settled(30_000, missing)
})

test.concurrent('a wrong bucket is cured by an edit: nothing is restarted by hand and nothing is lost', async ({
  scene,
}) => {
  const missing = scene.otherBucket('wrong')
  scene.stream()
  await scene.apply(NAME, { bucketName: missing.name })
  await failed(scene, /NoSuchBucket/, missing.name)

  await scene.patchConfig(NAME, { bucketName: scene.id })
  await scene.ready(NAME)
  await scene.settled()
})

test.concurrent('an edit that makes the bucket wrong shows as FAILED while the old pods go on delivering, and is cured by the next edit', async ({
  scene,
}) => {
  const missing = scene.otherBucket('edited')
  scene.stream()
  await scene.apply(NAME)
  await scene.ready(NAME)
  await scene.delivers()
  const [healthy] = await scene.pods(NAME)

  await scene.patchConfig(NAME, { bucketName: missing.name })
  await failed(scene, /NoSuchBucket/, missing.name)
  await scene.delivers(100)
  expect((await scene.pods(NAME)).map(({ metadata }) => metadata.name)).toContain(healthy?.metadata.name)

  await scene.patchConfig(NAME, { bucketName: scene.id })
  await scene.ready(NAME)
  await scene.settled()
})

test.concurrent('a Kafka address where nothing listens shows as FAILED with that address, and is cured by the next edit', async ({
  scene,
}) => {
  const nobody = '127.0.0.1:9'
  await scene.send(100)
  await scene.apply(NAME, { spec: { kafka: { bootstrapServers: [nobody] } } })
  await failed(scene, /Kafka/i, nobody)

  await scene.patch(NAME, { kafka: { bootstrapServers: null } })
  await scene.ready(NAME)
  await scene.settled()
})

test.concurrent('an S3 server whose certificate nobody vouches for shows as FAILED with the field to set, until the right authority is in the Secret', async ({
  scene,
  onTestFinished,
}) => {
  const dir = await mkdtemp(join(tmpdir(), 'certificates-'))
  await makeCertificates(dir, new URL(scene.stack.s3.endpoint).hostname)
  const file = (name: string) => readFile(join(dir, name))
  const tls = { key: await file('server.key'), cert: await file('server.crt') }
  const front = await S3Front.to(scene.stack.s3.endpoint, { tls, passes: () => true })
  onTestFinished(async () => {
    front.close()
    await rm(dir, { recursive: true })
  })
  await scene.send(100)
  await scene.apply(NAME, { config: { endpoint: front.endpoint } })
  await failed(scene, /certificate/, 'spec.config.tls.caSecretRef')

  const authority = async (name: string) => {
    const metadata = { name: 's3-ca', namespace: scene.id }
    const stringData = { 'ca.crt': (await file(name)).toString() }
    await apply(scene.stack, { apiVersion: 'v1', kind: 'Secret', metadata, stringData })
  }
  await scene.patchConfig(NAME, { tls: { caSecretRef: { name: 's3-ca' } } })
  await failed(scene, /AuthoritiesMissing/, 'spec.config.tls.caSecretRef')
  await authority('other-ca.crt')
  await failed(scene, /certificate/, 'spec.config.tls.caSecretRef')
  await authority('ca.crt')
  await scene.ready(NAME)
  await scene.settled()
})

/** Waits until `kubectl get ac` shows the failure in words that name what is wrong. */
async function failed(scene: Scene, error: RegExp, culprit: string): Promise<void> {
  const look = async () => {
    const columns = await scene.columns(NAME)
    expect(columns).toMatchObject({ STATUS: 'FAILED', ERROR: expect.stringMatching(error) })
    expect(columns.ERROR).toContain(culprit)
  }
  await eventually(SHOWN_WITHIN_MS, look, 1000)
}
