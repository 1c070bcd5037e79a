import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { compileTemplate } from '../../src/contract/path-template.ts'
import { compilePlan } from '../../src/sink/plan.ts'
import { event, sinkConfig } from '../support/sink-process.ts'
import { sourceRecord } from '../support/source-records.ts'

const TOPIC = 'analytics_game_telemetry.dev.acme.login'
const record = (value: string | null, timestampMs = Date.parse('2026-03-01T12:34:56Z')) =>
  sourceRecord({ offset: 7n, timestampMs, value: value === null ? null : Buffer.from(value) })

describe('a route', () => {
  test('follows the record, its own time rounded down to the time partition', () => {
    const plan = compilePlan(sinkConfig({ template: '{namespace}/{eventName}/{yyyy}-{MM}-{dd}T{hh}{mm}.json' }))
    expect(plan.route(TOPIC, record(event(1)))).toMatchObject({
      kind: 'object',
      path: 'acme/login/2026-03-01T1230.json',
    })
    const late = record(event(1), Date.parse('2026-02-28T23:59:59Z'))
    expect(plan.route(TOPIC, late)).toMatchObject({ path: 'acme/login/2026-02-28T2345.json' })
  })

  test('is in UTC, wherever the process runs', () => {
    const here = process.env.TZ
    try {
      for (const zone of ['Asia/Kathmandu', 'America/St_Johns', 'Pacific/Kiritimati']) {
        process.env.TZ = zone
        expect(new Date(0).getTimezoneOffset()).not.toBe(0)
        const plan = compilePlan(sinkConfig({ template: '{yyyy}-{MM}-{dd}T{hh}{mm}.json' }))
        expect(plan.route(TOPIC, record(event(1)))).toMatchObject({ path: '2026-03-01T1230.json' })
        const lateInTheYear = record(event(1), Date.parse('2025-12-31T23:59:59Z'))
        expect(plan.route(TOPIC, lateInTheYear)).toMatchObject({ path: '2025-12-31T2345.json' })
      }
    } finally {
      process.env.TZ = here ?? ''
      if (here === undefined) delete process.env.TZ
    }
  })

  test('different values never share a rendered path, equal ones always do', () => {
    const plan = compilePlan(sinkConfig({ template: '{eventName}/{hh}{mm}.json' }))
    const pathOf = (name: string, atMs: number) => {
      const route = plan.route(TOPIC, record(event(1, { name }), atMs))
      return route.kind === 'object' ? route.path : route.kind
    }
    expect([pathOf('a', 0), pathOf('b', 0), pathOf('a', 900_000), pathOf('a', 899_999)]).toEqual([
      'a/0000.json',
      'b/0000.json',
      'a/0015.json',
      'a/0000.json',
    ])
  })

  test('a namespace is needed by the filter or the path, an event name by the path only', () => {
    const nameless = '{"EventNamespace":"acme"}'
    const neither = '{"x":1}'
    const fixed = { template: 'all/{topic}.json' }
    expect(compilePlan(sinkConfig(fixed)).route(TOPIC, record(nameless))).toMatchObject({ kind: 'object' })
    expect(compilePlan(sinkConfig(fixed)).route(TOPIC, record(neither))).toEqual({
      kind: 'reject',
      reason: 'no_namespace',
    })
    const all = sinkConfig({ ...fixed, filter: { '*': ['*'] } })
    expect(compilePlan(all).route(TOPIC, record(neither))).toMatchObject({ kind: 'object' })
    expect(compilePlan(sinkConfig()).route(TOPIC, record(nameless))).toEqual({
      kind: 'reject',
      reason: 'no_event_name',
    })
  })

  test('goes by the event’s own time where that is asked for, however late the record', () => {
    const { path } = sinkConfig({ template: '{yyyy}-{MM}-{dd}T{hh}{mm}.json' })
    const plan = compilePlan(sinkConfig({ path: { ...path, timestampSource: 'event' } }))
    const of = (EventTimestamp: unknown) =>
      plan.route(TOPIC, record(JSON.stringify({ ...JSON.parse(event(1)), EventTimestamp })))
    expect(of('2026-02-28T23:59:59.999999Z')).toMatchObject({ path: '2026-02-28T2345.json' })
    expect(of('2026-03-01T01:10:00+02:00')).toMatchObject({ path: '2026-02-28T2300.json' })
    for (const bad of [undefined, null, '', 'yesterday', 1_700_000_000_000, '0001-01-01T00:00:00Z'])
      expect(of(bad)).toEqual({ kind: 'reject', reason: 'bad_timestamp' })
    expect(plan.route(TOPIC, record(event(1, { namespace: 'other' })))).toEqual({ kind: 'filtered' })
  })

  test('of a service event the time is its timestamp', () => {
    const { path } = sinkConfig({ template: '{dd}.json' })
    const plan = compilePlan(
      sinkConfig({ eventType: 'justice_event', path: { ...path, timestampSource: 'event' }, filter: { '*': ['*'] } }),
    )
    expect(plan.route(TOPIC, record('{"timestamp":"2026-02-07T00:00:00Z"}'))).toMatchObject({ path: '07.json' })
  })

  test('a record of another namespace is filtered even if its event name is missing', () => {
    const other = record('{"EventNamespace":"other"}')
    expect(compilePlan(sinkConfig()).route(TOPIC, other)).toEqual({ kind: 'filtered' })
  })

  test('an empty value is a tombstone too', () => {
    for (const value of [null, '']) {
      expect(compilePlan(sinkConfig()).route(TOPIC, record(value))).toEqual({ kind: 'reject', reason: 'tombstone' })
    }
  })

  test('tells apart what is one line and what is not, of the same path too', () => {
    const pretty = JSON.stringify(JSON.parse(event(1)), null, 2)
    const plan = compilePlan(sinkConfig())
    const routes = [event(1), pretty, event(2), pretty].map((value) => plan.route(TOPIC, record(value)))
    expect(routes.map((route) => route.kind === 'object' && route.isOneLine)).toEqual([true, false, true, false])
    expect(new Set(routes.map((route) => route.kind === 'object' && route.path)).size).toBe(1)
  })

  test('is the same for a record that follows another as for one that comes first', () => {
    const text = fc.constantFrom('acme', 'acm', 'eacme', '', 'x"y', 'über', 7)
    const member = fc.tuple(fc.constantFrom('EventNamespace', 'EventName', 'EventTimestamp', 'Other'), text)
    const value = fc
      .array(member, { maxLength: 4 })
      .map((members) => `{${members.map(([name, it]) => `"${name}":${JSON.stringify(it)}`).join(',')}}`)
    const config = sinkConfig({
      template: '{namespace}/{eventName}/{hh}.json',
      filter: { acme: ['*'], acm: ['*'], 'x"y': ['*'] },
    })
    const reused = compilePlan(config)
    const check = (values: string[], atMs: number) => {
      for (const each of values)
        expect(reused.route(TOPIC, record(each, atMs))).toEqual(compilePlan(config).route(TOPIC, record(each, atMs)))
    }
    fc.assert(fc.property(fc.array(value, { maxLength: 6 }), fc.integer({ min: 0, max: 86_400_000 }), check))
  })
})

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

test('what records were in is not kept: a decompressed batch for each topic would be memory that nobody counts', async () => {
  const plan = compilePlan(sinkConfig())
  const routed = Array.from({ length: 10 }, (_, i) => {
    const from = record(event(1))
    plan.route(`${TOPIC}${i}`, from)
    return new WeakRef(from.bytes)
  })
  await new Promise((resolve) => setTimeout(resolve))
  collectGarbage()
  expect(routed.filter((bytes) => bytes.deref()).length).toBeLessThanOrEqual(1)
})

describe('the end of a time partition', () => {
  const at = (time: string) => Date.parse(`2026-03-01T${time}:00Z`)
  const endOf = (template: string, partitionDurationMs: number, now: string) => {
    const { path } = sinkConfig({ template })
    const end = compilePlan(sinkConfig({ path: { ...path, partitionDurationMs } })).timePartitionEndMs(at(now))
    return end === null ? null : new Date(end).toISOString().slice(5, 16)
  }

  test('is when paths begin to show another time, whatever the template shows of it', () => {
    const minutes = '{yyyy}/{MM}/{dd}/{hh}/{mm}/{topic}.json'
    expect(endOf(minutes, 900_000, '12:05')).toBe('03-01T12:15')
    expect(endOf(minutes, 900_000, '12:15')).toBe('03-01T12:30')
    expect(endOf(minutes, 4 * 3_600_000, '23:59')).toBe('03-02T00:00')
    expect(endOf('{dd}/{hh}.json', 900_000, '12:05')).toBe('03-01T13:00')
    expect(endOf('{dd}.json', 900_000, '12:05')).toBe('03-02T00:00')
  })

  test('is none where paths show no time, or the same for a day and longer', () => {
    expect(endOf('{topic}.json', 900_000, '12:05')).toBe(null)
    expect(endOf('{yyyy}/{topic}.json', 900_000, '12:05')).toBe(null)
  })

  test.each([1_000, 1_500, 8_000, 32_000, 54_000, 90_000, 100_000])(
    'of %i ms is found by a look at each minute, not at each time partition',
    (durationMs) => {
      const looks = vi.spyOn(Date.prototype, 'getUTCFullYear')
      expect(endOf('{yyyy}/{topic}.json', durationMs, '12:05')).toBe(null)
      expect(looks.mock.calls.length).toBeLessThanOrEqual(1_442)
      looks.mockRestore()
      const config = sinkConfig({
        path: { ...sinkConfig().path, template: '{hh}/{mm}.json', partitionDurationMs: durationMs },
      })
      const [plan, { pathFor, partitionStartMs }] = [
        compilePlan(config),
        compileTemplate(config.path.template, durationMs, config),
      ]
      const pathAt = (timestampMs: number) => pathFor({ namespace: '', topic: '', eventName: '', timestampMs })
      for (let nowMs = at('23:40'); nowMs < at('23:50'); nowMs += 7_000) {
        let endMs = partitionStartMs(nowMs)
        while (pathAt(endMs) === pathAt(nowMs)) endMs += durationMs
        expect(plan.timePartitionEndMs(nowMs)).toBe(endMs)
      }
    },
  )

  test('follows the clock in both directions', () => {
    const plan = compilePlan(sinkConfig({ template: '{dd}/{hh}/{mm}/{topic}.json' }))
    for (const [now, end] of [
      ['12:05', '12:15'],
      ['12:16', '12:30'],
      ['12:01', '12:15'],
    ] as const)
      expect(plan.timePartitionEndMs(at(now))).toBe(at(end))
  })
})

test('a plan has the revision of its configuration, so a different configuration has another', () => {
  const [a, b] = [compilePlan(sinkConfig()), compilePlan(sinkConfig({ realm: 'prod' }))]
  expect(a.revision).toMatch(/^[0-9a-f]{10}$/)
  expect(a.revision).not.toBe(b.revision)
})
