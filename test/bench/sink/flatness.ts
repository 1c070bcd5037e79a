import { setTimeout as delay } from 'node:timers/promises'
import { percentile } from '../figures.ts'
import { produceFor, type SteadyStream } from './backlog.ts'
import { histogramIn, quantileBound } from './histogram.ts'
import type { Worker } from './measure.ts'
import { processUsage } from './process-usage.ts'

const SAMPLE_EVERY_MS = 1_000
const MIB = 1024 * 1024

/**
 * Lets a worker run on a steady stream and prints how its memory was in the first and in the last minute (after one to
 * start), and how old records were when their set was committed.
 */
export async function measureFlatness(
  worker: Worker,
  stream: SteadyStream,
  minutes: number,
  progress: (line: string) => void,
): Promise<void> {
  const samples: number[] = []
  const over = new AbortController()
  const producing = produceFor(stream, over.signal)
  const endAtMs = performance.now() + (minutes + 1) * 60_000
  const before = processUsage(worker.pid)
  while (performance.now() < endAtMs) {
    await delay(SAMPLE_EVERY_MS)
    samples.push(processUsage(worker.pid).residentBytes / MIB)
    if (samples.length % 60 === 0)
      progress(
        `minute ${samples.length / 60}: RSS ${samples.at(-1)?.toFixed(0)} MiB, read ${(await worker.progress()).read}`,
      )
  }
  const usage = processUsage(worker.pid)
  const { read } = await worker.progress()
  const metrics = await worker.metrics()
  over.abort()
  const produced = await producing
  const cpu = (usage.cpuSeconds - before.cpuSeconds) / (usage.atMs - before.atMs)
  const minute = (from: number) => samples.slice(from, from + 60)
  console.log(
    `\n${minutes} minutes at ${stream.megabytesPerSecond} MB/s: ${produced} events produced, ${read} read, ${(cpu * 100_000).toFixed(0)} % of a core`,
  )
  console.log(`RSS in the first minute: median ${median(minute(60))}, highest ${highest(minute(60))} MiB`)
  console.log(
    `RSS in the last minute: median ${median(minute(samples.length - 60))}, highest ${highest(minute(samples.length - 60))} MiB`,
  )
  console.log(`highest of all: ${(usage.peakBytes / MIB).toFixed(0)} MiB`)
  for (const name of ['flush_duration_seconds', 'delivery_age_seconds']) {
    const histogram = histogramIn(metrics, `analytics_connector_${name}`)
    console.log(
      `${name}: p50 ≤ ${quantileBound(histogram, 0.5)} s, p99 ≤ ${quantileBound(histogram, 0.99)} s, of ${histogram.at(-1)?.count} sets`,
    )
  }
}

function median(samples: readonly number[]): string {
  return percentile(samples, 0.5).toFixed(0)
}

function highest(samples: readonly number[]): string {
  return Math.max(...samples).toFixed(0)
}
