import { describe, expect, it } from 'vitest'
import { resolveSinkConfig } from '../../src/contract/resolve.ts'
import type { AnalyticsConnectorSpec } from '../../src/contract/resource.ts'
import type { AnalyticsConnector, KubeObject } from '../../src/kube/kinds.ts'
import { Conflicts } from '../../src/operator/conflicts.ts'
import { selectTopics } from '../../src/sink/kafka/topics.ts'
import { compilePlan } from '../../src/sink/plan.ts'
import { event } from '../support/sink-process.ts'
import { sourceRecord } from '../support/source-records.ts'
import { aSpec, DEFAULTS } from './builders.ts'

const PATTERN = (of: string) => `analytics_game_telemetry.dev.${of}`
type Config = Partial<AnalyticsConnectorSpec['config']>

function withConfig(config: Config, rest: Partial<AnalyticsConnectorSpec> = {}): AnalyticsConnectorSpec {
  const spec = aSpec(rest)
  return { ...spec, config: { ...spec.config, ...config } }
}

/** Connectors of the namespace games, one second younger from name to name. */
function setUp() {
  const told: string[] = []
  /** What those who were told last were answered when they asked at once. */
  const answers = new Map<string, string | undefined>()
  const onChange = (key: string) => {
    told.push(key.replace('games/', ''))
    answers.set(key.replace('games/', ''), conflicts.of(key)?.message)
  }
  const conflicts = new Conflicts({ defaults: DEFAULTS, onChange })
  const generations = new Map<string, number>()
  const ages = new Map<string, string>()
  const note = (type: 'update' | 'delete', name: string, spec: AnalyticsConnectorSpec, generation: number) => {
    const second = String(ages.size).padStart(5, '0')
    const creationTimestamp = ages.get(name) ?? `2026-03-01T${second}Z`
    ages.set(name, creationTimestamp)
    const metadata = { namespace: 'games', name, uid: name, generation, creationTimestamp }
    conflicts.note({ type, object: { metadata, spec } as AnalyticsConnector & KubeObject })
  }
  return {
    told,
    answers,
    wants: (name: string, spec = aSpec()) => {
      generations.set(name, (generations.get(name) ?? 0) + 1)
      note('update', name, spec, generations.get(name) ?? 0)
    },
    /** Its status is written: an event with the same spec. */
    isReported: (name: string) => note('update', name, aSpec(), generations.get(name) ?? 0),
    deletes: (name: string) => note('delete', name, aSpec(), 0),
    reason: (name: string) => conflicts.of(`games/${name}`)?.reason,
    message: (name: string) => conflicts.of(`games/${name}`)?.message ?? '',
    /** Who each of the connectors is told of. */
    others: (...names: string[]) =>
      names.map((name) => conflicts.of(`games/${name}`)?.message.split(' ')[0]?.replace('games/', '')),
  }
}

describe('Conflicts', () => {
  it('tells both of two connectors that can write the same keys, until one is edited or gone', () => {
    const { wants, deletes, others, reason, answers } = setUp()
    wants('a')
    expect(others('a')).toEqual([undefined])
    wants('b')
    expect(others('a', 'b')).toEqual(['b', 'a'])
    expect(reason('a')).toBe('ObjectKeyConflict')
    wants('b', withConfig({ bucketName: 'acme-other' }))
    expect(others('a', 'b')).toEqual([undefined, undefined])
    wants('b')
    expect(answers.get('a')).toMatch(/^games\/b /)
    deletes('b')
    expect(others('a')).toEqual([undefined])
    expect(answers.get('a')).toBeUndefined()
  })

  it('tells the two of one consumer group, also where they write elsewhere', () => {
    const { wants, reason, message } = setUp()
    const kafka = { groupId: 'shared' }
    wants('a', withConfig({}, { kafka }))
    wants('b', withConfig({ bucketName: 'acme-other' }, { kafka }))
    expect(reason('a')).toBe('ConsumerGroupConflict')
    expect(message('b')).toMatch(/^games\/a has the same consumer group: .+ spec\.kafka\.groupId$/)
    wants('b', withConfig({}, { kafka }))
    expect(message('b').split('; ')).toEqual([
      expect.stringContaining('consumer group'),
      expect.stringContaining('bucket'),
    ])
  })

  it('knows a cluster by any of its servers, and that a group of another cluster is another group', () => {
    const { wants, reason } = setUp()
    const group = (...bootstrapServers: string[]) =>
      withConfig({ bucketName: `bucket-${bootstrapServers.length}` }, { kafka: { groupId: 'g', bootstrapServers } })
    wants('a', group('one:9092', 'two:9092'))
    wants('b', group('two:9092'))
    expect(reason('b')).toBe('ConsumerGroupConflict')
    wants('b', group('three:9092'))
    expect(reason('b')).toBeUndefined()
  })

  it('tells each of the oldest other one, so that one more is news to nobody but itself', () => {
    const { wants, deletes, others, told } = setUp()
    for (const name of ['a', 'b', 'c']) wants(name)
    expect(others('a', 'b', 'c')).toEqual(['b', 'a', 'a'])
    told.length = 0
    wants('d')
    expect(told).toEqual([])
    deletes('b')
    expect(told).toContain('a')
    expect(told).not.toContain('d')
    deletes('a')
    expect(told).toEqual(expect.arrayContaining(['c', 'd']))
    expect(others('c', 'd')).toEqual(['d', 'c'])
  })

  it('sees nothing to claim in a spec that cannot become a configuration, and nothing new in another status', () => {
    const { wants, isReported, others, told } = setUp()
    wants('a')
    wants('b', withConfig({ eventType: 'justice_event' }))
    expect(others('a', 'b')).toEqual([undefined, undefined])
    wants('b')
    told.length = 0
    isReported('b')
    expect(told).toEqual([])
    expect(others('a', 'b')).toEqual(['b', 'a'])
  })

  it('costs the same for each connector, however many there are, apart or all in conflict', () => {
    for (const filter of [(i: number) => ({ [`n${i}`]: ['*'] }), () => ({ acme: ['*'] })]) {
      cpuMsOf(500, filter)
      // Comparing each with each would cost 64 times as much.
      expect(cpuMsOf(4_000, filter)).toBeLessThan(8 * 4 * cpuMsOf(500, filter))
    }
  })

  it('costs little for a connector with as many topics in as many namespaces as a filter may have', () => {
    const namespaces = Array.from({ length: 24 }, (_, i) => i)
    const topicsOf = (i: number) => Array.from({ length: 100 }, (_, j) => PATTERN(`${'a.'.repeat(40)}${i}-${j}`))
    const filter = Object.fromEntries([
      ...namespaces.map((i) => [`every${i}`, ['*']]),
      ...namespaces.map((i) => [`named${i}`, topicsOf(i)]),
    ])
    const { wants, others } = setUp()
    const begun = process.cpuUsage()
    wants('a', aSpec({ filter }))
    expect(process.cpuUsage(begun).user / 1000).toBeLessThan(1_000)
    wants('b', aSpec({ filter: { every0: ['*'] } }))
    expect(others('a', 'b')).toEqual(['b', 'a'])
  })

  it('tells of a conflict exactly where sinks would give two sets of one start the same key', () => {
    const specs = TEMPLATES.flatMap((customPath) =>
      FILTERS.map((filter) => ({ ...withConfig(customPath === undefined ? {} : { customPath }), filter })),
    )
    const others = [
      withConfig({ bucketName: 'acme-other' }),
      withConfig({ endpoint: 'http://10.0.0.9:9000' }),
      withConfig({ compression: 'gzip' }),
      withConfig({ customPath: 'a/{topic}.json.gz', compression: 'gzip' }),
      withConfig({ customPath: 'a/{topic}.json', compression: 'gzip' }),
      withConfig({ customPath: 'a/{topic}.json', format: 'parquet' }),
      withConfig({ customPartitionDuration: '1h' }),
      withConfig({}, { kafka: { epoch: 1 } }),
      withConfig({}, { kafka: { bootstrapServers: ['elsewhere:9092'] } }),
    ]
    const all = [...specs, ...others].map((spec) => ({ spec, keys: keysOf(spec) }))
    let conflicts = 0
    for (const [i, a] of all.entries()) {
      for (const b of all.slice(i)) {
        const { wants, reason } = setUp()
        wants('a', a.spec)
        wants('b', b.spec)
        const expected = [...a.keys].some((key) => b.keys.has(key)) ? 'ObjectKeyConflict' : undefined
        if (expected) conflicts++
        const both = JSON.stringify([a.spec, b.spec])
        expect([reason('a'), reason('b')], both).toEqual([expected, expected])
      }
    }
    expect(conflicts).toBeGreaterThan(300)
  })
})

/** What it costs to see so many connectors come, and to ask about each. */
function cpuMsOf(connectors: number, filterOf: (i: number) => AnalyticsConnectorSpec['filter']): number {
  const { wants, others, told } = setUp()
  const begun = process.cpuUsage()
  for (let i = 0; i < connectors; i++) wants(`c${i}`, aSpec({ filter: filterOf(i) }))
  for (let i = 0; i < connectors; i++) others(`c${i}`)
  expect(told.length).toBeLessThan(20)
  return process.cpuUsage(begun).user / 1000
}

const TEMPLATES = [
  undefined,
  'a/{topic}.json',
  '{namespace}/{topic}.json',
  'a/{eventName}.json',
  '{namespace}/{eventName}/{hh}.json',
  '{eventType}/a.json',
  'game_telemetry/a.json',
]

const FILTERS: AnalyticsConnectorSpec['filter'][] = [
  { acme: ['*'] },
  { 'acme.eu': ['*'] },
  { beta: ['*'] },
  { '*': ['*'] },
  { acme: [PATTERN('acme.login')] },
  { acme: [PATTERN('acme.logout')], beta: ['*'] },
  { 'acme.eu': [PATTERN('acme.eu.login')] },
  { '*': [PATTERN('acme.login')] },
  { acme: ['shared'] },
  { beta: ['shared'] },
  { '*': ['shared'] },
  { acme: ['shared'], beta: ['*'] },
]

/** Topics that exist, with the namespaces of the events in them. */
const TOPICS: Record<string, string[]> = {
  [PATTERN('acme.login')]: ['acme'],
  [PATTERN('acme.logout')]: ['acme'],
  [PATTERN('acme.eu.login')]: ['acme.eu'],
  [PATTERN('beta.login')]: ['beta'],
  shared: ['acme', 'beta', 'gamma'],
}

/** The keys of every object that the sinks of a connector write of the events of these topics, each a set of one. */
function keysOf(spec: AnalyticsConnectorSpec): Set<string> {
  const config = resolveSinkConfig({ namespace: 'games', name: 'events', spec }, DEFAULTS)
  const { endpoint = '', bucketName } = config.s3
  const plan = compilePlan(config)
  const { topics } = selectTopics(config, Object.keys(TOPICS))
  return new Set(
    topics.flatMap((topic) =>
      (TOPICS[topic] ?? []).flatMap((namespace) => {
        const value = Buffer.from(event(1, { namespace, name: topic.split('.').at(-1) ?? '' }))
        const route = plan.route(topic, sourceRecord({ offset: 7n, value }))
        if (route.kind !== 'object') return []
        return `${endpoint}/${bucketName}/${plan.keyOf(route.path, { topic, partition: 0, startOffset: 7n })}`
      }),
    ),
  )
}
