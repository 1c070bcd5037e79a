import { HeadObjectCommand } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import type { FileFormat } from '../../src/contract/file-format.ts'
import { eventually } from '../support/eventually.ts'
import { gameEvent } from '../support/game-events.ts'
import { sinkConfig } from '../support/sink-process.ts'
import { sinkStage } from '../support/sink-stage.ts'

const { producer, scene, start } = sinkStage('formats')

test.each<[FileFormat, string, string]>([
  [{ format: 'ndjson', compression: 'gzip' }, '.json.gz', 'application/gzip'],
  [{ format: 'ndjson', compression: 'zstd' }, '.json.zst', 'application/zstd'],
  [{ format: 'parquet', compression: 'zstd' }, '.parquet', 'application/vnd.apache.parquet'],
])(
  'in %j every event is in exactly one object, though a sink is killed in the midst of writing',
  async (fileFormat, ending, contentType) => {
    const { bucket, eventName, config } = await scene(fileFormat)
    producer.startStream([{ namespace: 'acme', eventName }], 1_000)
    const killed = await start(config)
    await eventually(60_000, async () => expect((await killed.status()).objects).toBeGreaterThan(3), 20)
    killed.kill('SIGKILL')
    await killed.exitCode
    const last = await start(config)
    await eventually(60_000, async () => expect((await last.status()).state).toBe('ACTIVE'))
    await producer.stopStream()
    await eventually(60_000, async () => expect(await bucket.count()).toBe(producer.acknowledged.size), 500)
    last.kill('SIGTERM')
    expect(await last.exitCode).toBe(0)
    await bucket.expectExactly(producer.acknowledged)
    const [{ key } = { key: '' }] = (await bucket.objects()).filter((each) => !isProbe(each.key))
    expect(key.endsWith(ending)).toBe(true)
    const head = await bucket.client.send(new HeadObjectCommand({ Bucket: bucket.name, Key: key }))
    expect([head.ContentType, head.ContentEncoding]).toEqual([contentType, undefined])
  },
)

test('late events go to the partition of their own time, and those without one are rejected, each exactly once', async () => {
  const base = sinkConfig({ template: '{yyyy}-{MM}-{dd}T{hh}{mm}/{topic}.json' })
  const { bucket, eventName, topic, config } = await scene({ path: { ...base.path, timestampSource: 'event' } })
  const at = (time: string) => ({ ...gameEvent('acme', eventName), EventTimestamp: time })
  const late = at('2020-02-29T23:59:59.999Z')
  const now = at('2026-11-24T10:16:00+01:00')
  const bad = at('yesterday')
  await producer.send(topic, [late, now, bad])
  const sink = await start(config)
  await eventually(30_000, async () =>
    expect((await sink.status()).records).toEqual({ read: 3, delivered: 2, rejected: 1, filtered: 0 }),
  )
  const folders = [...(await bucket.eventIds())]
    .filter(([key]) => !isProbe(key))
    .map(([key, ids]) => [key.split('/')[0], ids])
  expect(Object.fromEntries(folders)).toEqual({ '2020-02-29T2345': [late.EventId], '2026-11-24T0915': [now.EventId] })
  const [reject] = await Promise.all((await bucket.objects('_errors/')).map(({ key }) => bucket.lines(key)))
  expect(JSON.parse(reject?.[0] ?? '')).toMatchObject({ reason: 'bad_timestamp', topic })
})

/** What a sink writes to try the bucket, before it joins its group. */
function isProbe(key: string): boolean {
  return key.startsWith('_probe/')
}
