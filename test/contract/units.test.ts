import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CUSTOM_PARTITION_DURATION,
  FLUSH_INTERVAL,
  FLUSH_MEMORY,
  FLUSH_SIZE,
  isQuantity,
  PART_SIZE,
  parseQuantity,
} from '../../src/contract/units.ts'

const MINUTE = 60_000

test.each([
  ['plain digits of a partition duration are milliseconds', CUSTOM_PARTITION_DURATION, '900000', 15 * MINUTE],
  ['a number means the same as its digits', CUSTOM_PARTITION_DURATION, 900_000, 15 * MINUTE],
  ['90s', CUSTOM_PARTITION_DURATION, '90s', 90_000],
  ['1d', CUSTOM_PARTITION_DURATION, '1d', 24 * 60 * MINUTE],
  ['plain digits of a flush interval are minutes', FLUSH_INTERVAL, '5', 5 * MINUTE],
  ['30s', FLUSH_INTERVAL, '30s', 30_000],
  ['plain digits of a part size are bytes', PART_SIZE, '5242880', 5_242_880],
  ['8Mi', PART_SIZE, '8Mi', 8_388_608],
  ['1Gi', FLUSH_MEMORY, '1Gi', 1_073_741_824],
  ['64Ki', FLUSH_MEMORY, '64Ki', 65_536],
  ['events', FLUSH_SIZE, '10000', 10_000],
])('%s', (_what, quantity, value, base) => {
  expect(parseQuantity(quantity, value)).toBe(base)
})

test('a refusal names the value and what is allowed', () => {
  expect(() => parseQuantity(FLUSH_INTERVAL, '25h')).toThrow(
    new RangeError(
      '"25h" is not allowed: must be a duration from 1s to 24h, such as 30s, 5m or 1h; plain digits are minutes, from 1 to 1440',
    ),
  )
})

test('a partition duration that does not divide a day is refused, as its partitions would not begin at midnight', () => {
  expect(isQuantity(CUSTOM_PARTITION_DURATION, '7m')).toBe(false)
  expect(isQuantity(CUSTOM_PARTITION_DURATION, '8m')).toBe(true)
})

describe.each([
  ['customPartitionDuration', CUSTOM_PARTITION_DURATION],
  ['flushInterval', FLUSH_INTERVAL],
  ['partSize', PART_SIZE],
  ['flushMemory', FLUSH_MEMORY],
  ['flushSize', FLUSH_SIZE],
])('%s', (_name, quantity) => {
  test('whatever is written, the result is a whole number within the range, or an error', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.stringMatching(/^[0-9]{1,12}(s|m|h|d|Ki|Mi|Gi)?$/), fc.integer()),
        (value) => {
          if (!isQuantity(quantity, value)) return
          const base = parseQuantity(quantity, value)
          expect(Number.isSafeInteger(base) && base >= quantity.min && base <= quantity.max).toBe(true)
        },
      ),
    )
  })
})
