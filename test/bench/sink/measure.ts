import { setTimeout as delay } from 'node:timers/promises'
import { type ProcessUsage, processUsage } from './process-usage.ts'

const SAMPLE_EVERY_MS = 100
/** Measuring begins when so much of the backlog is read: until then the process starts, joins the group and compiles. */
const WARM_SHARE = 0.2

/** A process that works through a backlog. */
export interface Worker {
  readonly pid: number
  /** Records read, and records that are where they belong, so far. @throws Error when it has failed */
  progress(): Promise<{ read: number; done: number }>
  end(): Promise<void>
}

export interface Measurement {
  readonly records: number
  readonly recordsPerSecond: number
  readonly cpuSecondsPerMillion: number
  readonly peakBytes: number
}

/** Watches a worker until all `records` are done, from the moment at which it is warm. */
export async function measure(worker: Worker, records: number, timeoutMs: number): Promise<Measurement> {
  const giveUpAtMs = performance.now() + timeoutMs
  let warm: { usage: ProcessUsage; read: number } | null = null
  let allReadAtMs: number | null = null
  for (;;) {
    const { read, done } = await worker.progress()
    const usage = processUsage(worker.pid)
    if (warm === null && read >= records * WARM_SHARE) warm = { usage, read }
    if (read >= records) allReadAtMs ??= usage.atMs
    if (done >= records && warm !== null && allReadAtMs !== null) {
      const measured = records - warm.read
      return {
        records: measured,
        recordsPerSecond: (measured / Math.max(allReadAtMs - warm.usage.atMs, SAMPLE_EVERY_MS)) * 1000,
        cpuSecondsPerMillion: ((usage.cpuSeconds - warm.usage.cpuSeconds) / measured) * 1_000_000,
        peakBytes: usage.peakBytes,
      }
    }
    if (usage.atMs > giveUpAtMs)
      throw new Error(`gave up after ${timeoutMs} ms: ${read} of ${records} read, ${done} done`)
    await delay(SAMPLE_EVERY_MS)
  }
}

/** The middle one, by processor time. */
export function median(measurements: readonly Measurement[]): Measurement {
  const sorted = [...measurements].sort((a, b) => a.cpuSecondsPerMillion - b.cpuSecondsPerMillion)
  const middle = sorted[Math.floor(sorted.length / 2)]
  if (!middle) throw new Error('a median needs a measurement')
  return middle
}
