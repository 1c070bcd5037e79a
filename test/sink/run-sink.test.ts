import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type HttpEndpoint, serveHttp } from '../../src/lib/http-server.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { encodeMark } from '../../src/sink/commit-metadata.ts'
import { BodyEncoder } from '../../src/sink/encode/body-encoder.ts'
import { TenureLostError } from '../../src/sink/record-source.ts'
import { runSink, sinkRoutes } from '../../src/sink/run-sink.ts'
import { S3Error } from '../../src/sink/s3-errors.ts'
import { Sink, type SinkParts } from '../../src/sink/sink.ts'
import { FakeBucket } from '../support/fake-bucket.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { CLUSTER_ID, ScriptedPartition, ScriptedSource } from '../support/scripted-source.ts'
import { events, sinkConfig } from '../support/sink-process.ts'
import { dieWithIntents, flush } from './tenure-words.ts'

let bucket: FakeBucket
let clock: FakeClock
let source: ScriptedSource
let parts: SinkParts
let sink: Sink
let http: HttpEndpoint

beforeEach(async () => {
  bucket = new FakeBucket()
  clock = new FakeClock()
  source = new ScriptedSource()
  const config = sinkConfig()
  const [logger, registry] = [createLogger('silent'), new Registry()]
  const [store, encoder] = [bucket.store(), new BodyEncoder()]
  parts = { config, source, store, encoder, readRevision: () => config, checks: [], clock, logger, registry }
  sink = new Sink(parts)
  http = await serveHttp('127.0.0.1', 0, sinkRoutes(sink, parts))
})
afterEach(() => http.close())

async function get(path: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(`http://127.0.0.1:${http.port}${path}`)
  return { status: answer.status, text: (await answer.text()).trimEnd() }
}

test('a sink is ready when its bucket answers and it has joined, and drains when it is told to stop', async () => {
  const shutdown = new AbortController()
  const running = runSink(sink, parts, shutdown.signal, 10_000)
  expect(await get('/readyz')).toEqual({ status: 503, text: 'STARTING' })
  const listener = await source.joined
  listener.settled(1)
  expect(await get('/readyz')).toEqual({ status: 200, text: 'ok' })
  const log = new ScriptedPartition().append(...events(0, 3))
  await (await source.assign(log)).feed()

  shutdown.abort()
  expect(await running).toBe(true)
  expect(bucket.lines()).toEqual(events(0, 3))
  expect(log.committed).toEqual({ offset: 3n, metadata: encodeMark({ clusterId: CLUSTER_ID }) })
  expect(JSON.parse((await get('/status')).text)).toMatchObject({
    connector: 'games/game-events',
    state: 'STOPPING',
    records: { read: 3, delivered: 3, rejected: 0, filtered: 0 },
    objects: 1,
  })
})

test('a bucket that cannot be used is told before the group is joined, and joined when it can', async () => {
  const message = 'S3 NoSuchBucket: ListObjectsV2 on bucket acme-events (us-west-2)'
  bucket.onCheck = () => {
    throw new S3Error('NoSuchBucket', 'person', message)
  }
  const shutdown = new AbortController()
  const running = runSink(sink, parts, shutdown.signal, 10_000)
  await settled()
  expect(await get('/readyz')).toEqual({ status: 503, text: message })
  expect((await get('/healthz')).status).toBe(200)
  bucket.onCheck = () => {}
  await clock.advance(15_000)
  ;(await source.joined).settled(0)
  expect((await get('/readyz')).status).toBe(200)
  shutdown.abort()
  await running
})

test('a shutdown while S3 is away ends within the drain time, and tells that not everything was written', async () => {
  const shutdown = new AbortController()
  const running = runSink(sink, parts, shutdown.signal, 10_000)
  await source.joined
  await (await source.assign(new ScriptedPartition().append(...events(0, 3)))).feed()
  bucket.onCreate = () => {
    throw new Error('S3 is away')
  }
  shutdown.abort()
  await clock.advance(9_999)
  let ended = false
  void running.then(() => {
    ended = true
  })
  await settled()
  expect(ended).toBe(false)
  const warned = vi.spyOn(parts.logger, 'warn')
  await clock.advance(1)
  expect(await running).toBe(false)
  expect(warned.mock.lastCall).toEqual([{ error: 'S3 is away' }, expect.stringMatching(/^the drain time ran out/)])
})

describe('a shutdown tells that something is left', () => {
  const shutdown = () => {
    const controller = new AbortController()
    const running = runSink(sink, parts, controller.signal, 10_000)
    return async () => {
      controller.abort()
      return running
    }
  }

  test('where Kafka refuses the commit', async () => {
    const end = shutdown()
    await source.joined
    const log = new ScriptedPartition().append(...events(0, 3))
    await (await source.assign(log)).feed()
    log.onCommit = () => {
      throw new TenureLostError('no answer')
    }
    expect(await end()).toBe(false)
  })

  test('where the set of an earlier owner is not read to its end yet', async () => {
    const log = new ScriptedPartition().append(...events(0, 3))
    await dieWithIntents([log], bucket, flush({ events: 3 }))
    const end = shutdown()
    await source.joined
    await (await source.assign(log)).feed(1)
    expect(await end()).toBe(false)
  })

  test('where a partition is stopped', async () => {
    const end = shutdown()
    await source.joined
    const log = new ScriptedPartition().append(...events(0, 3))
    log.committed = { offset: 1n, metadata: 'of somebody else' }
    await source.assign(log)
    const warned = vi.spyOn(parts.logger, 'warn')
    expect(await end()).toBe(false)
    // Who pauses the connector reads the last line in its status.
    expect(warned.mock.lastCall).toEqual([
      { error: expect.stringMatching(/ partition 0 is stopped: commit metadata is not ours/) },
      expect.stringMatching(/^not everything that was promised is written/),
    ])
  })

  test('and not where another sink has taken a partition over before', async () => {
    const end = shutdown()
    await source.joined
    const tenure = await source.assign(new ScriptedPartition().append(...events(0, 3)))
    await tenure.feed()
    tenure.lose()
    expect(await end()).toBe(true)
  })
})

test('what the source cannot recover from ends the sink', async () => {
  const running = runSink(sink, parts, new AbortController().signal, 10_000)
  await source.joined
  source.fail(new Error('bootstrap server "x" is not host:port'))
  await expect(running).rejects.toThrow('is not host:port')
})

test('a sink that stands still although records wait leaves, and ends with the reason', async () => {
  const running = runSink(sink, parts, new AbortController().signal, 10_000)
  const ended = running.then(
    () => null,
    (error: Error) => error.message,
  )
  const listener = await source.joined
  source.waiting = 3
  listener.problem('Kafka: no answer to Fetch')
  listener.settled(1)
  await clock.advance(10 * 60_000)
  listener.problem(null)
  await clock.advance(4 * 60_000)
  expect(source.hasLeft).toBe(false)
  await clock.advance(2 * 60_000)
  expect(await ended).toBe(
    '3 records wait in Kafka and none was read for 300 s, though nothing is known to be wrong: starting again',
  )
  expect(source.hasLeft).toBe(true)
})

test('a sink whose machine’s clock is set ahead does not stand still', async () => {
  const shutdown = new AbortController()
  const running = runSink(sink, parts, shutdown.signal, 10_000)
  ;(await source.joined).settled(1)
  source.waiting = 3
  await clock.advance(60_000)
  clock.set(3_600_000)
  await clock.advance(60_000)
  expect(source.hasLeft).toBe(false)
  shutdown.abort()
  await running
})

test('nor does one whose S3 takes minutes to take an object', async () => {
  const running = runSink(sink, parts, new AbortController().signal, 10_000)
  const ended = running.catch((error: Error) => error.message)
  ;(await source.joined).settled(1)
  const written = Promise.withResolvers<void>()
  bucket.onCreate = () => written.promise
  await (await source.assign(new ScriptedPartition().append(...events(0, 3)))).feed()
  await clock.advance(5 * 60_000)
  source.waiting = 3
  await clock.advance(6 * 60_000)
  expect(source.hasLeft).toBe(false)
  written.resolve()
  await clock.advance(4 * 60_000)
  expect(source.hasLeft).toBe(false)
  await clock.advance(2 * 60_000)
  expect(await ended).toContain('none was read for 300 s')
})

test('nor does one for which an open transaction holds back all that waits', async () => {
  const shutdown = new AbortController()
  const running = runSink(sink, parts, shutdown.signal, 10_000)
  ;(await source.joined).settled(1)
  source.waiting = 3
  source.heldBack = 3
  await clock.advance(10 * 60_000)
  expect(source.hasLeft).toBe(false)
  expect(JSON.parse((await get('/status')).text)).toMatchObject({ state: 'ACTIVE', lag: 3 })
  shutdown.abort()
  await running
})

test('what Kafka cannot do shows in the status until it can again', async () => {
  void runSink(sink, parts, new AbortController().signal, 10_000)
  const listener = await source.joined
  listener.settled(1)
  listener.problem('Kafka kafka:9092: connect ECONNREFUSED')
  expect(await get('/readyz')).toEqual({ status: 503, text: 'Kafka kafka:9092: connect ECONNREFUSED' })
  listener.problem(null)
  expect((await get('/readyz')).status).toBe(200)
})

test('the metrics add up as the status does, by reason where there is one', async () => {
  void runSink(sink, parts, new AbortController().signal, 10_000)
  ;(await source.joined).settled(1)
  const held = await source.assign(new ScriptedPartition().append(...events(0, 3), 'broken'))
  await held.feed()
  await held.revoke('rebalance')
  const { text } = await get('/metrics')
  const expected = [
    'analytics_connector_records_read_total 4',
    'analytics_connector_records_delivered_total 3',
    'analytics_connector_records_rejected_total{reason="not_json"} 1',
    'analytics_connector_flushes_total{reason="rebalance"} 1',
    'analytics_connector_flushes_total{reason="events"} 0',
    'analytics_connector_objects_created_total 2',
    'analytics_connector_flush_duration_seconds_count 1',
    'analytics_connector_delivery_age_seconds_count 1',
    'analytics_connector_kafka_commits_total{kind="intent",outcome="ok"} 1',
    'analytics_connector_kafka_commits_total{kind="final",outcome="ok"} 2',
    'analytics_connector_buffered_bytes 0',
    'analytics_connector_active 1',
  ]
  expect(text.split('\n')).toEqual(expect.arrayContaining(expected))
})
