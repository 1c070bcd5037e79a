import type { SinkConfig } from '../../src/contract/sink-config.ts'
import { sinkConfig } from '../support/sink-process.ts'
import type { Random } from './random.ts'
import type { Fates } from './world.ts'

/** In each schedule other things go wrong, and seldom everything at once. */
export function drawFates(random: Random): Fates {
  const often = () => (random.chance(0.4) ? random.pick([0.02, 0.1]) : 0)
  return {
    lost: often(),
    unanswered: often(),
    late: often(),
    twice: often(),
    repeated: often(),
    refused: often(),
    broken: often(),
  }
}

/** An event has about 80 bytes: objects go up in parts, now and then, or never. */
export function drawLargestPut(random: Random): number {
  return random.pick([60, 200, 1_000_000])
}

/** Revisions differ in path, in format and in where they cut, so a replay under the wrong one shows. */
export function drawConfig(random: Random, index: number): SinkConfig {
  return sinkConfig({
    template: `${random.pick(['{eventName}/{hh}{mm}', '{eventName}', 'all'])}/v${index}/{topic}.json`,
    compression: random.pick(['none', 'none', 'gzip', 'zstd']),
    s3: { ...sinkConfig().s3, partSizeBytes: random.pick([50, 150]) },
    flush: {
      intervalMs: random.pick([500, 3_000, 15_000]),
      events: random.pick([2, 3, 6]),
      bytes: random.pick([300, 100_000]),
    },
    bufferBytes: random.pick([40_000, 10_000_000]),
  })
}
