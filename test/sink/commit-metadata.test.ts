import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeCommitMetadata,
  encodeIntent,
  encodeMark,
  ForeignMetadataError,
  type Intent,
  markOf,
} from '../../src/sink/commit-metadata.ts'
import { FLUSH_REASONS } from '../../src/sink/flush-policy.ts'

const LARGEST_OFFSET = 2n ** 63n - 1n

const origin = fc.record(
  {
    clusterId: fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/),
    topicId: fc.stringMatching(/^[A-Za-z0-9_-]{22}$/),
    epoch: fc.integer({ min: 1 }),
  },
  { requiredKeys: [] },
)
const required = fc.record({
  endOffset: fc.bigInt({ min: 0n, max: LARGEST_OFFSET }),
  revision: fc.stringMatching(/^[0-9a-f]{10}$/),
  objects: fc.nat(),
  records: fc.maxSafeNat(),
  checksum: fc.stringMatching(/^[0-9a-f]{8}$/),
  reason: fc.constantFrom(...FLUSH_REASONS),
})
const optional = fc.record({ leaderEpoch: fc.integer({ min: 0, max: 2 ** 31 - 1 }) }, { requiredKeys: [] })
const intents: fc.Arbitrary<Intent> = fc
  .tuple(required, optional, origin)
  .map(([intent, epoch, where]) => ({ ...intent, ...epoch, ...where }))

describe('commit metadata', () => {
  test('an intent is read as it was written, whatever it holds', () => {
    fc.assert(
      fc.property(intents, (intent) => {
        expect(decodeCommitMetadata(encodeIntent(intent))).toEqual({
          kind: 'intent',
          clusterId: intent.clusterId,
          topicId: intent.topicId,
          epoch: intent.epoch,
          intent,
        })
      }),
    )
  })

  test('an intent is ASCII and under 1 KiB', () => {
    fc.assert(
      fc.property(intents, (intent) => {
        const metadata = encodeIntent(intent)
        expect(metadata).toMatch(/^[\x20-\x7e]*$/)
        expect(metadata.length).toBeLessThan(1024)
      }),
    )
  })

  test('a mark tells cluster, topic and epoch, of which 0 is not told', () => {
    const where = { clusterId: 'c', topicId: 'FyJ1cU5bQ8KzVdkqY0h0bg' }
    expect(markOf(where, 0)).toEqual(where)
    const mark = markOf(where, 3)
    expect(decodeCommitMetadata(encodeMark(mark))).toEqual({ kind: 'mark', ...where, epoch: 3 })
  })

  test('a mark of a cluster that tells no id is read as well', () => {
    const mark = markOf({ clusterId: '', topicId: undefined }, 0)
    expect(decodeCommitMetadata(encodeMark(mark))).toEqual({ kind: 'mark' })
  })

  test('a mark is read as it was written, and no metadata is told from it', () => {
    expect(decodeCommitMetadata(encodeMark({ clusterId: 'c' }))).toEqual({ kind: 'mark', clusterId: 'c' })
    const whole = { clusterId: 'c', topicId: 'A', epoch: 3 }
    expect(decodeCommitMetadata(encodeMark(whole))).toEqual({ kind: 'mark', ...whole })
    expect(decodeCommitMetadata('')).toEqual({ kind: 'none' })
  })

  test('anything else is foreign and named in the error, never taken for none', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (text) => {
        expect(() => decodeCommitMetadata(text)).toThrow(ForeignMetadataError)
      }),
    )
    expect(() => decodeCommitMetadata('checkpoint 7')).toThrow('commit metadata is not ours: checkpoint 7')
  })

  test('with one field changed, missing or added is not read', () => {
    const [intent] = fc.sample(required, 1) as [Intent]
    const whole = JSON.parse(encodeIntent(intent))
    for (const field of Object.keys(whole)) {
      const { [field]: _, ...others } = whole
      expect(() => decodeCommitMetadata(JSON.stringify(others))).toThrow(ForeignMetadataError)
      expect(() => decodeCommitMetadata(JSON.stringify({ ...whole, [field]: {} }))).toThrow(ForeignMetadataError)
    }
    expect(() => decodeCommitMetadata(JSON.stringify({ ...whole, more: 1 }))).toThrow(ForeignMetadataError)
    expect(() => decodeCommitMetadata(JSON.stringify({ ...whole, v: 2 }))).toThrow(ForeignMetadataError)
    expect(() => decodeCommitMetadata(JSON.stringify({ ...whole, reason: 'whim' }))).toThrow(ForeignMetadataError)
  })

  test.each([{ v: 2 }, { more: 1 }, { epoch: 0 }, { clusterId: '' }])('a mark with %j is not read', (change) => {
    const mark = JSON.parse(encodeMark({ clusterId: 'c' }))
    expect(() => decodeCommitMetadata(JSON.stringify({ ...mark, ...change }))).toThrow(ForeignMetadataError)
  })
})
