import { setFlagsFromString } from 'node:v8'

/**
 * By how many percent the heap may grow between two collections. V8 takes up to 300, which suits programs that allocate much; an operator's
 * heap is caches, and collecting it costs little while nothing happens.
 */
const GROWING_PERCENT = 20
/** Milliseconds from one tidying to the next, and how long one takes: V8 lets a collection that saves memory wait for 8 s. */
const TIDY_EVERY_MS = 60_000
const TIDY_FOR_MS = 12_000

/**
 * Keeps what the process takes near to what it needs, until it ends.
 *
 * V8 keeps the pages that collections have emptied, so what a rollout of every connector took stays taken. It gives them back in a collection that is
 * to save memory, which it starts by itself only while little is allocated; an operator that asks a thousand pods a second never allocates little. While
 * V8 favours size it does so anyway, and compacts the heap. To favour size all the time would cost a third more processor time.
 */
export function keepHeapSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWING_PERCENT}`)
  tidy()
  setInterval(tidy, TIDY_EVERY_MS).unref()
}

/** Also at the start: reading 10,000 connectors leaves more garbage behind than is kept. */
function tidy(): void {
  setFlagsFromString('--optimize-for-size')
  setTimeout(() => setFlagsFromString('--no-optimize-for-size'), TIDY_FOR_MS).unref()
}
