import { setTimeout as delay } from 'node:timers/promises'
import { type ProcessUsage, processUsage } from './process-usage.ts'

const SAMPLE_EVERY_MS = 100
/** Measuring begins when so much of the backlog is read: until then the process starts, joins the group and compiles. */
const WARM_SHARE = 0.2

/** A process that works through a backlog. */
export interface Worker {
  readonly pid: number
  /** Records read, and records that are where they belong, so far. @throws Error when it has failed or ended */
  progress(): Promise<{ read: number; done: number }>
  /** In Prometheus's text format; empty where it has none. */
  metrics(): Promise<string>
  end(): Promise<void>
}

export interface Measurement {
  readonly records: number
  readonly recordsPerSecond: number
  readonly cpuSecondsPerMillion: number
  readonly peakBytes: number
  readonly metrics: string
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
        metrics: await worker.metrics(),
      }
    }
    if (usage.atMs > giveUpAtMs)
      throw new Error(`gave up after ${timeoutMs} ms: ${read} of ${records} read, ${done} done`)
    await delay(SAMPLE_EVERY_MS)
  }
}
