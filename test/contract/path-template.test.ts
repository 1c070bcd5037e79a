import fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { DEFAULTS } from '../../src/contract/defaults.ts'
import type { FileFormat } from '../../src/contract/file-format.ts'
import { MAX_KEY_BYTES, PATH_RULES, TIME_PLACEHOLDERS, VALUE_PLACEHOLDERS } from '../../src/contract/path-rules.ts'
import {
  compileTemplate,
  type ObjectPosition,
  PathTemplateError,
  type PathValues,
  parseTemplate,
} from '../../src/contract/path-template.ts'

const QUARTER_HOUR = 900_000
const constants = { eventType: 'game_telemetry', realm: 'dev', format: 'ndjson', compression: 'none' } as const
const topic = 'analytics_game_telemetry.dev.acme.gameStarted'
const values: PathValues = {
  namespace: 'acme',
  topic,
  eventName: 'gameStarted',
  timestampMs: Date.parse('2026-11-24T10:59:59.999Z'),
}
const position: ObjectPosition = { topic, partition: 2, startOffset: 1830n, epoch: 0 }

const compile = (template: string, durationMs = QUARTER_HOUR) => compileTemplate(template, durationMs, constants)
const pathOf = (template: string, overrides: Partial<PathValues> = {}, durationMs = QUARTER_HOUR) =>
  compile(template, durationMs).pathFor({ ...values, ...overrides })
const keyOf = (template: string, overrides: Partial<ObjectPosition> = {}) => {
  const compiled = compile(template)
  return compiled.keyFor(compiled.pathFor(values), { ...position, ...overrides })
}

describe('paths', () => {
  test('the default template lays events out by topic and quarter of an hour', () => {
    expect(pathOf(DEFAULTS.customPath)).toBe(
      `game_telemetry/realm/dev/topics/${topic}/year=2026/month=11/day=24/hour=10/minute=45/${topic}.json`,
    )
  })

  test('every placeholder is replaced and everything else is copied', () => {
    expect(pathOf('{eventType}|{namespace}|{realm}|{topic}|{eventName}|{yyyy}|{MM}|{dd}|{hh}|{mm}| x=ü')).toBe(
      `game_telemetry|acme|dev|${topic}|gameStarted|2026|11|24|10|45| x=ü`,
    )
  })

  test.each([
    ['1m', 60_000, '2026/11/24/10/59'],
    ['1h', 3_600_000, '2026/11/24/10/00'],
    ['6h', 21_600_000, '2026/11/24/06/00'],
    ['1d', 86_400_000, '2026/11/24/00/00'],
  ])('a partition of %s rounds all smaller units down', (_text, durationMs, path) => {
    expect(pathOf('{yyyy}/{MM}/{dd}/{hh}/{mm}', {}, durationMs)).toBe(path)
  })

  test.each([
    ['no timestamp (-1) counts as 1970', -1, '1970-01-01'],
    ['a time before 1970 counts as 1970', -1e18, '1970-01-01'],
    ['a year of five digits counts as the end of 9999', 1e18, '9999-12-31'],
    ['29 February', Date.parse('2028-02-29T23:59:59Z'), '2028-02-29'],
  ])('%s', (_what, timestampMs, day) => {
    expect(pathOf('{yyyy}-{MM}-{dd}', { timestampMs })).toBe(day)
  })

  test('times are in UTC, wherever the sink runs', () => {
    vi.stubEnv('TZ', 'Asia/Kathmandu')
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(new Date(values.timestampMs).getHours()).toBe(16)
    const timestampMs = Date.parse('2026-12-31T20:45:00Z')
    expect(pathOf('{yyyy}-{MM}-{dd} {hh}:{mm}', { timestampMs })).toBe('2026-12-31 20:45')
  })

  test('the sink asks for a record’s namespace or event name only where the path shows it', () => {
    expect(compile('{topic}.json')).toMatchObject({ needsNamespace: false, needsEventName: false })
    expect(compile('{namespace}/{eventName}.json')).toMatchObject({ needsNamespace: true, needsEventName: true })
  })

  test('records of one time partition have one start', () => {
    expect(new Date(compile('{mm}').partitionStartMs(values.timestampMs)).toISOString()).toBe(
      '2026-11-24T10:45:00.000Z',
    )
  })
})

describe('keys', () => {
  test.each([
    ['partition and offset go before the extension', 'e/{topic}.json', `e/${topic}-00002-00000000000000001830.json`],
    ['an extension has no say in what is not so', 'e/{topic}.json.gz', `e/${topic}-00002-00000000000000001830.json`],
    ['a dot of the topic begins no extension', 'e/{topic}', `e/${topic}-00002-00000000000000001830`],
    ['a dot of a folder begins no extension', 'v1.2/{topic}/events', `v1.2/${topic}/events-00002-00000000000000001830`],
    ['an object without a name but its extension', '{topic}/.json', `${topic}/-00002-00000000000000001830.json`],
    [
      'without {topic} the name tells the topic',
      '{hh}/events.json',
      `10/events@${topic}-00002-00000000000000001830.json`,
    ],
    [
      'a topic that runs into another value does not count as told',
      '{namespace}-{topic}.json',
      `acme-${topic}@${topic}-00002-00000000000000001830.json`,
    ],
    [
      'a topic in a folder of its own is told, whatever else the path shows',
      '{namespace}/{topic}/{eventName}.json',
      `acme/${topic}/gameStarted-00002-00000000000000001830.json`,
    ],
    ['a dot before a value begins no extension', 'e/v1.{topic}', `e/v1.${topic}-00002-00000000000000001830`],
    [
      'a topic beside fixed text and time is told',
      '{realm}-{topic}-{hh}.json',
      `dev-${topic}-10-00002-00000000000000001830.json`,
    ],
  ])('%s', (_what, template, key) => {
    expect(keyOf(template)).toBe(key)
  })

  test('an epoch from 1 on is part of every name', () => {
    expect(keyOf('{topic}.json', { epoch: 0 })).toBe(`${topic}-00002-00000000000000001830.json`)
    expect(keyOf('{topic}.json', { epoch: 12 })).toBe(`${topic}-00002-00000000000000001830-e12.json`)
  })

  test.each<[FileFormat, string, string]>([
    [{ format: 'ndjson', compression: 'gzip' }, '{topic}.json', '.json.gz'],
    [{ format: 'ndjson', compression: 'gzip' }, '{topic}.json.gz', '.json.gz'],
    [{ format: 'ndjson', compression: 'zstd' }, '{topic}.json', '.json.zst'],
    [{ format: 'ndjson', compression: 'zstd' }, '{topic}', '.zst'],
    [{ format: 'ndjson', compression: 'none' }, '{topic}.parquet', '.json'],
    [{ format: 'ndjson', compression: 'gzip' }, '{topic}.parquet', '.json.gz'],
    [{ format: 'parquet', compression: 'gzip' }, '{topic}.json', '.parquet'],
    [{ format: 'parquet', compression: 'zstd' }, '{topic}.parquet', '.parquet'],
    [{ format: 'parquet', compression: 'none' }, '{topic}.v2', '.v2.parquet'],
  ])('an object in %j under %s ends in %s', (fileFormat, template, ending) => {
    const compiled = compileTemplate(template, QUARTER_HOUR, { ...constants, ...fileFormat })
    expect(compiled.keyFor(compiled.pathFor(values), position)).toBe(`${topic}-00002-00000000000000001830${ending}`)
  })

  test('keys of a partition sort in the order of the log', () => {
    const offsets = [0n, 9n, 10n, 99_999_999_999n, 9_223_372_036_854_775_807n]
    const keys = offsets.map((startOffset) => keyOf('{topic}.json', { startOffset }))
    expect(keys.toSorted()).toEqual(keys)
  })
})

describe('refuses', () => {
  test.each([
    [
      'events/{game}.json',
      'customPath: "events/{game}.json" is not allowed: must have braces only around placeholders',
    ],
    ['events/', 'must end with a file name'],
    ['', 'must end with a file name'],
    ['/events.json', 'must not begin with a slash'],
    ['a//events.json', 'empty folder name'],
    ['a/../events.json', 'must not have . or ..'],
    ['a\n.json', 'control characters'],
    ['x'.repeat(1025), 'must be shorter'],
  ])('%j', (template, message) => {
    expect(() => parseTemplate(template)).toThrow(PathTemplateError)
    expect(() => parseTemplate(template)).toThrow(message)
  })
})

const placeholder = fc.constantFrom(...[...VALUE_PLACEHOLDERS, ...TIME_PLACEHOLDERS].map((name) => `{${name}}`))
const templateText = fc
  .array(fc.oneof(placeholder, fc.constantFrom('/', 'a', '-', '.', '@', '=', '%', 'é', '.json', '00000')), {
    minLength: 1,
    maxLength: 14,
  })
  .map((parts) => parts.join(''))
  .filter((template) => PATH_RULES.every(({ holds }) => holds(template)))
const name = fc.oneof(
  fc.constantFrom('a', 'b', 'a-b', 'b-a', 'a@b', '', '.', '..', 'a/b', '-00000', 'x'.repeat(249), '\0'.repeat(300)),
  fc.string({ unit: 'binary', maxLength: 300 }),
)
/** Topics are from Kafka, which allows these characters. */
const topicName = fc.oneof(
  fc.constantFrom('a', 'b', 'a-b', 'a-00000', 't'.repeat(249)),
  fc.stringMatching(/^[a-zA-Z0-9._-]{1,249}$/),
)
const record = fc.record({
  namespace: name,
  topic: topicName,
  eventName: name,
  timestampMs: fc.integer({ min: 0, max: 4_102_444_800_000 }),
})
const start = fc.record({
  partition: fc.constantFrom(0, 1, 99_999, 100_000, 2_147_483_647),
  startOffset: fc.bigInt({ min: 0n, max: 9_223_372_036_854_775_807n }),
  epoch: fc.oneof(fc.constant(0), fc.nat(2_147_483_647)),
})

describe('for every template and every record', () => {
  test('different paths, topics, partitions or offsets give different keys', () => {
    const few = fc.uniqueArray(fc.tuple(record, start), { minLength: 2, maxLength: 12 })
    fc.assert(
      fc.property(templateText, few, (template, objects) => {
        const compiled = compile(template)
        const identities = objects.map(([values, { partition, startOffset, epoch }]) => {
          const path = compiled.pathFor(values)
          const identity = JSON.stringify([path, values.topic, partition, String(startOffset), epoch])
          return [identity, compiled.keyFor(path, { topic: values.topic, partition, startOffset, epoch })] as const
        })
        expect(new Set(identities.map(([, key]) => key)).size).toBe(new Map(identities).size)
      }),
      { numRuns: 1000 },
    )
  })

  test('topics that differ give different keys, whatever else two records have', () => {
    const short = fc.constantFrom('a', 'b', 'a-b', 'b-a', 'a-', '-a', 'aa')
    const shortRecord = fc.record({ namespace: short, topic: short, eventName: short, timestampMs: fc.constant(0) })
    const shortTemplate = fc
      .array(fc.constantFrom('{namespace}', '{eventName}', '{topic}', '-', 'a', '/'), { minLength: 1, maxLength: 6 })
      .map((parts) => `${parts.join('')}.json`)
      .filter((template) => PATH_RULES.every(({ holds }) => holds(template)))
    fc.assert(
      fc.property(
        shortTemplate,
        shortRecord,
        shortRecord,
        start,
        (template, one, other, { partition, startOffset, epoch }) => {
          fc.pre(one.topic !== other.topic)
          const compiled = compile(template)
          const key = (values: PathValues) =>
            compiled.keyFor(compiled.pathFor(values), { topic: values.topic, partition, startOffset, epoch })
          expect(key(one)).not.toBe(key(other))
        },
      ),
      { numRuns: 3000 },
    )
  })

  test('a key is within S3’s rules: at most 1,024 bytes, no empty, . or .. folder, no control character', () => {
    fc.assert(
      fc.property(templateText, record, start, (template, values, { partition, startOffset, epoch }) => {
        const compiled = compile(template)
        const key = compiled.keyFor(compiled.pathFor(values), { topic: values.topic, partition, startOffset, epoch })
        expect(Buffer.byteLength(key)).toBeLessThanOrEqual(MAX_KEY_BYTES)
        expect(key.split('/').every((part) => part !== '' && part !== '.' && part !== '..')).toBe(true)
        expect([...key].every((character) => character >= ' ' && character !== '\x7f')).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  test('the longest templates and values stay within 1,024 bytes', () => {
    const long = 'é'.repeat(1000)
    for (let count = 1; count < 12; count++) {
      const fixed = 'x'.repeat(1024 - 64 - 64 * (count + 1) - '{eventName}'.length * count)
      const compiled = compile(fixed + '{eventName}'.repeat(count))
      const path = compiled.pathFor({ ...values, eventName: long })
      const key = compiled.keyFor(path, {
        topic: 't'.repeat(249),
        partition: 2_147_483_647,
        startOffset: 2n ** 63n - 1n,
        epoch: 2_147_483_647,
      })
      expect(Buffer.byteLength(key)).toBeLessThanOrEqual(MAX_KEY_BYTES)
    }
  })
})

describe('one placeholder alone', () => {
  test.each(['namespace', 'eventName', 'topic'] as const)('{%s}: two values never give one path', (placeholderName) => {
    const compiled = compile(`p/{${placeholderName}}/x.json`)
    fc.assert(
      fc.property(name, name, (one, other) => {
        fc.pre(one !== other)
        const pathWith = (value: string) => compiled.pathFor({ ...values, [placeholderName]: value })
        expect(pathWith(one)).not.toBe(pathWith(other))
      }),
    )
  })
})
