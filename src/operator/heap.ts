import { getHeapStatistics, setFlagsFromString } from 'node:v8'

/**
 * By how many percent the heap may grow between two collections. V8 takes up to 300, which suits programs that allocate much; an operator's
 * heap is caches, and collecting it costs little while nothing happens.
 */
const GROWING_PERCENT = 20
/** Milliseconds from the end of one tidying to the next at the latest, and how long one takes: V8 lets a collection that saves memory wait for 8 s. */
const TIDY_EVERY_MS = 48_000
const TIDY_FOR_MS = 12_000
/** How long the first one takes: whoever reads 10,000 connectors and asks their pods leaves more behind than it keeps. */
const START_FOR_MS = 30_000
/** Milliseconds between two looks at what the process has beyond V8's heap, and the bytes by which that may grow until it is tidied before its time. */
const LOOK_EVERY_MS = 1_000
const MAY_KEEP_BYTES = 8 * 2 ** 20

/**
 * Keeps what the process takes near to what it needs, until it ends.
 *
 * V8 keeps the pages that collections have emptied: what a rollout of every connector took stays taken. It gives them back in a collection that is to
 * save memory, which comes by itself only where little is allocated; who asks a thousand pods a second never allocates little. While size is favoured it comes
 * anyway, and objects are moved together. Always that would cost a third more processor time. Emptied pages count no more as V8's heap, but still as the
 * process's memory: while many connectors change at once they become more within seconds.
 */
export function keepHeapSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWING_PERCENT}`)
  setFavoursSize(true)
  let isTidying = true
  let endsMs = performance.now() + START_FOR_MS
  let afterTidying = 0
  const look = () => {
    const nowMs = performance.now()
    if (isTidying && nowMs >= endsMs) {
      setFavoursSize(false)
      isTidying = false
      afterTidying = beyondHeap()
    } else if (!isTidying && (nowMs >= endsMs + TIDY_EVERY_MS || beyondHeap() > afterTidying + MAY_KEEP_BYTES)) {
      setFavoursSize(true)
      isTidying = true
      endsMs = nowMs + TIDY_FOR_MS
    }
  }
  setInterval(look, LOOK_EVERY_MS).unref()
}

/** Bytes that the process has besides V8's heap: its program, what is outside the heap, and pages that collections have emptied. */
function beyondHeap(): number {
  return process.memoryUsage.rss() - getHeapStatistics().total_heap_size
}

function setFavoursSize(isFavoured: boolean): void {
  setFlagsFromString(isFavoured ? '--optimize-for-size' : '--no-optimize-for-size')
}
