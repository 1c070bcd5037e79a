/** A point in time as an event tells it. */
export interface EventTime {
  /** Milliseconds since the epoch. */
  readonly timestampMs: number
  /** Microseconds beyond, 0 to 999. */
  readonly micros: number
  /** Whether these say all that the text says: it has no finer digits, and no other offset than that of UTC. */
  readonly isWhole: boolean
}

/** RFC 3339, "Date and Time on the Internet: Timestamps"; the offset is required, as nobody can guess a zone. */
const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.(\d+))?(?:[Zz]|([+-]\d\d:\d\d))$/
const DATE_LENGTH = 'yyyy-mm-dd'.length
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
/** 9999-12-31T23:59:59.999Z */
const LAST_MS = 253_402_300_799_999

/**
 * Reads a timestamp of an envelope. Null where it is not RFC 3339, names a day or time that does not exist, or lies
 * outside the years 1970 to 9999, which a path cannot show: `0001-01-01T00:00:00Z` is how Go writes "none". A leap second
 * (`:60`) does not exist here: neither Go, JavaScript, Python nor Java's OffsetDateTime reads one, and no clock in use shows it.
 */
export function readEventTime(text: string): EventTime | null {
  const matched = RFC_3339.exec(text)
  if (matched === null) return null
  const [, fraction = '', offset] = matched
  const offsetMs = offset === undefined ? 0 : (offset.startsWith('-') ? -1 : 1) * timeOfDayMs(offset, 1, 0)
  const seconds = twoDigits(text, DATE_LENGTH + 7)
  const timestampMs =
    midnightMs(text.slice(0, DATE_LENGTH)) +
    timeOfDayMs(text, DATE_LENGTH + 1, seconds) -
    offsetMs +
    (fraction === '' ? 0 : Number(fraction.slice(0, 3).padEnd(3, '0')))
  if (!(timestampMs >= 0 && timestampMs <= LAST_MS)) return null
  const micros = fraction.length <= 3 ? 0 : Number(fraction.slice(3, 6).padEnd(3, '0'))
  return { timestampMs, micros, isWhole: offsetMs === 0 && !/[1-9]/.test(fraction.slice(6)) }
}

const [COLON, POINT, LETTER_T, LETTER_Z] = [0x3a, 0x2e, 0x54, 0x5a]
const WITHOUT_FRACTION = 'yyyy-mm-ddThh:mm:ssZ'.length
const LONGEST = 'yyyy-mm-ddThh:mm:ss.nnnnnnnnnZ'.length

const lastDateBytes = new Uint8Array(DATE_LENGTH)
let lastDateMs = Number.NaN

/**
 * As `readEventTime`, in milliseconds, from the bytes of a text and without making anything: for how nearly every event
 * tells its time, in UTC (`Z`) on the day of the event before. NaN for all others: `readEventTime` knows.
 */
export function usualEventTimeMs(bytes: Uint8Array, at: number, length: number): number {
  const clock = at + DATE_LENGTH
  if (length < WITHOUT_FRACTION || length > LONGEST || bytes[clock] !== LETTER_T || bytes[at + length - 1] !== LETTER_Z)
    return Number.NaN
  if (bytes[clock + 3] !== COLON || bytes[clock + 6] !== COLON) return Number.NaN
  for (let i = 0; i < DATE_LENGTH; i++) if (bytes[at + i] !== lastDateBytes[i]) return Number.NaN
  const hours = digits(bytes, clock + 1, 2)
  const minutes = digits(bytes, clock + 4, 2)
  const seconds = digits(bytes, clock + 7, 2)
  // Also where one of them is NaN.
  if (!(hours < 24 && minutes < 60 && seconds < 60)) return Number.NaN
  const wholeMs = lastDateMs + hours * HOUR_MS + minutes * MINUTE_MS + seconds * 1_000
  return length === WITHOUT_FRACTION ? wholeMs : wholeMs + fractionMs(bytes, clock + 9, at + length - 1)
}

/** Of `.` and one digit or more; further ones than three are left out. */
function fractionMs(bytes: Uint8Array, at: number, end: number): number {
  const count = end - at - 1
  if (bytes[at] !== POINT || count < 1) return Number.NaN
  if (Number.isNaN(digits(bytes, at + 1, count))) return Number.NaN
  return count < 3 ? digits(bytes, at + 1, count) * 10 ** (3 - count) : digits(bytes, at + 1, 3)
}

function digits(bytes: Uint8Array, at: number, count: number): number {
  let value = 0
  for (let i = at; i < at + count; i++) {
    const digit = (bytes[i] as number) - 0x30
    if (digit < 0 || digit > 9) return Number.NaN
    value = value * 10 + digit
  }
  return value
}

/** For `usualEventTimeMs`: the day that a text begins with. */
function rememberDate(date: string, midnightMs: number): void {
  for (let i = 0; i < DATE_LENGTH; i++) lastDateBytes[i] = date.charCodeAt(i)
  lastDateMs = midnightMs
}

let lastDate = ''
let lastMidnightMs = Number.NaN

/** NaN for a day that does not exist. Nearly all events are of the same day as the one before. */
function midnightMs(date: string): number {
  if (date === lastDate) return lastMidnightMs
  const ms = Date.parse(`${date}T00:00:00Z`)
  lastDate = date
  // V8 takes 31 February for 3 March.
  lastMidnightMs = Number.isFinite(ms) && new Date(ms).toISOString().startsWith(date) ? ms : Number.NaN
  rememberDate(date, ms >= 0 ? lastMidnightMs : Number.NaN)
  return lastMidnightMs
}

/** Of `hh:mm` at a position of the text; NaN for a time that no clock shows. */
function timeOfDayMs(text: string, at: number, seconds: number): number {
  const hours = twoDigits(text, at)
  const minutes = twoDigits(text, at + 3)
  const ms = hours * HOUR_MS + minutes * MINUTE_MS + seconds * 1_000
  return minutes < 60 && seconds < 60 && ms < DAY_MS ? ms : Number.NaN
}

function twoDigits(text: string, at: number): number {
  return (text.charCodeAt(at) - 0x30) * 10 + text.charCodeAt(at + 1) - 0x30
}
