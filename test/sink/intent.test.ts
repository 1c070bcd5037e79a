import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FLUSH_REASONS } from '../../src/sink/flush-policy.ts'
import { decodeIntent, encodeIntent, ForeignMetadataError, type Intent } from '../../src/sink/intent.ts'

const LARGEST_OFFSET = 2n ** 63n - 1n

const intents: fc.Arbitrary<Intent> = fc.record({
  endOffset: fc.bigInt({ min: 0n, max: LARGEST_OFFSET }),
  revision: fc.stringMatching(/^[0-9a-f]{10}$/),
  clusterId: fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/),
  objects: fc.nat(),
  records: fc.maxSafeNat(),
  checksum: fc.stringMatching(/^[0-9a-f]{8}$/),
  reason: fc.constantFrom(...FLUSH_REASONS),
})

describe('an intent', () => {
  test('is read as it was written, whatever it holds', () => {
    fc.assert(
      fc.property(intents, (intent) => {
        expect(decodeIntent(encodeIntent(intent))).toEqual(intent)
      }),
    )
  })

  test('is ASCII and under 1 KiB', () => {
    fc.assert(
      fc.property(intents, (intent) => {
        const metadata = encodeIntent(intent)
        expect(metadata).toMatch(/^[\x20-\x7e]*$/)
        expect(metadata.length).toBeLessThan(1024)
      }),
    )
  })

  test('empty metadata is a plain commit', () => {
    expect(decodeIntent('')).toBe(null)
  })

  test('anything else is foreign and named in the error, never taken for none', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (text) => {
        expect(() => decodeIntent(text)).toThrow(ForeignMetadataError)
      }),
    )
    expect(() => decodeIntent('checkpoint 7')).toThrow('commit metadata is not ours: checkpoint 7')
  })

  test('with one field changed, missing or added is not read', () => {
    const [intent] = fc.sample(intents, 1) as [Intent]
    const whole = JSON.parse(encodeIntent(intent))
    for (const field of Object.keys(whole)) {
      const { [field]: _, ...others } = whole
      expect(() => decodeIntent(JSON.stringify(others))).toThrow(ForeignMetadataError)
      expect(() => decodeIntent(JSON.stringify({ ...whole, [field]: {} }))).toThrow(ForeignMetadataError)
    }
    expect(() => decodeIntent(JSON.stringify({ ...whole, more: 1 }))).toThrow(ForeignMetadataError)
    expect(() => decodeIntent(JSON.stringify({ ...whole, v: 2 }))).toThrow(ForeignMetadataError)
  })
})
