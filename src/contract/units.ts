/**
 * A field that is written as digits in the published API's own unit, or as digits with a unit. The API shows numbers
 * in strings, so `300000`, `"300000"` and `"5m"` are all accepted.
 */
export interface Quantity {
  /** Anchored; the same text is used by the API server (RE2), so only what both dialects share. At most 10 digits: no overflow in 64 bits. */
  readonly pattern: string
  /** Unit, or `''` for plain digits, to its size in the base unit (milliseconds, bytes or a count). */
  readonly factors: Readonly<Record<string, number>>
  /** In the base unit, inclusive. */
  readonly min: number
  readonly max: number
  /** When set, the value must divide this number without remainder. */
  readonly divides?: number
  /** Completes "<value> is not allowed: …". */
  readonly allowed: string
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const KI = 1_024
const MI = KI * KI
const GI = KI * MI

const DURATION_PATTERN = '^([0-9]{1,10}|[0-9]{1,7}[smhd])$'
const BYTES_PATTERN = '^([0-9]{1,10}|[0-9]{1,7}(Ki|Mi|Gi))$'
const BYTE_FACTORS = { '': 1, Ki: KI, Mi: MI, Gi: GI }

/** Milliseconds; plain digits are milliseconds, as in the published API. */
export const CUSTOM_PARTITION_DURATION: Quantity = {
  pattern: DURATION_PATTERN,
  factors: { '': 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY },
  min: SECOND,
  max: DAY,
  divides: DAY,
  allowed:
    'must be a duration from 1s to 1d that divides a day without remainder, such as 90s, 15m, 1h or 1d; plain digits are milliseconds',
}

/** Milliseconds; plain digits are minutes, as in the published API. */
export const FLUSH_INTERVAL: Quantity = {
  pattern: DURATION_PATTERN,
  factors: { '': MINUTE, s: SECOND, m: MINUTE, h: HOUR, d: DAY },
  min: SECOND,
  max: DAY,
  allowed: 'must be a duration from 1s to 24h, such as 30s, 5m or 1h; plain digits are minutes, from 1 to 1440',
}

/** Bytes. The bounds are S3's smallest part and the largest that one request of ours holds in memory. */
export const PART_SIZE: Quantity = {
  pattern: BYTES_PATTERN,
  factors: BYTE_FACTORS,
  min: 5_242_880,
  max: 134_217_728,
  allowed: 'must be from 5242880 to 134217728 bytes, in digits or as 5Mi to 128Mi',
}

/** Bytes. */
export const FLUSH_MEMORY: Quantity = {
  pattern: BYTES_PATTERN,
  factors: BYTE_FACTORS,
  min: KI,
  max: GI,
  allowed: 'must be from 1024 to 1073741824 bytes, in digits or as 1Ki to 1Gi',
}

/** Events. */
export const FLUSH_SIZE: Quantity = {
  pattern: '^[0-9]{1,10}$',
  factors: { '': 1 },
  min: 1,
  max: 10_000_000,
  allowed: 'must be a whole number of events from 1 to 10000000',
}

/**
 * The value in the quantity's base unit.
 *
 * @throws {RangeError} naming the value and what is allowed
 */
export function parseQuantity(quantity: Quantity, value: string | number): number {
  const base = baseUnits(quantity, value)
  if (base === undefined) throw new RangeError(`${JSON.stringify(value)} is not allowed: ${quantity.allowed}`)
  return base
}

/** Whether `parseQuantity` takes the value. */
export function isQuantity(quantity: Quantity, value: string | number): boolean {
  return baseUnits(quantity, value) !== undefined
}

function baseUnits({ pattern, factors, min, max, divides }: Quantity, value: string | number): number | undefined {
  const text = String(value)
  if (!new RegExp(pattern).test(text)) return undefined
  const digits = /^[0-9]+/.exec(text)?.[0] ?? ''
  const base = Number(digits) * (factors[text.slice(digits.length)] ?? Number.NaN)
  if (!(base >= min && base <= max)) return undefined
  return divides === undefined || divides % base === 0 ? base : undefined
}
