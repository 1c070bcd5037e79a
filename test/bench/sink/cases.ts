import type { Compression } from '../../../src/contract/file-format.ts'
import type { Worker } from './measure.ts'
import { type Job, referenceWorker, sinkWorker } from './workers.ts'

export interface Case {
  readonly name: string
  readonly eventBytes: number
  readonly eventNames: number
  /** Of the plain loop that does the same work. */
  readonly reference: string
  start(job: Job): Promise<Worker>
}

/** As `format` and `compression` of a connector. */
export const FORMATS = {
  none: { format: 'ndjson', compression: 'none' },
  zstd: { format: 'ndjson', compression: 'zstd' },
  gzip: { format: 'ndjson', compression: 'gzip' },
  parquet: { format: 'parquet', compression: 'zstd' },
} as const satisfies Record<string, { format: 'ndjson' | 'parquet'; compression: Compression }>
type Format = keyof typeof FORMATS

const SIZES = { '200 B': 200, '1 KiB': 1024, '10 KiB': 10_240 } as const
type Size = keyof typeof SIZES

/** Each compared with what it is measured beside. */
export const CASES: readonly Case[] = [
  ...(['none', 'zstd', 'gzip', 'parquet'] as const).flatMap((format) => [
    plain('1 KiB', format),
    sink('1 KiB', format),
  ]),
  kafkajs('1 KiB'),
  sink('1 KiB', 'none', 100),
  ...(['200 B', '10 KiB'] as const).flatMap((size) => [plain(size, 'none'), sink(size, 'none')]),
  kafkajs('200 B'),
]

function sink(size: Size, format: Format, objects = 1): Case {
  return {
    name: `sink, ${size}, ${format}, ${objects} ${objects === 1 ? 'object' : 'objects'}`,
    eventBytes: SIZES[size],
    eventNames: objects,
    reference: plainName(size, format),
    start: (job) => sinkWorker(job, FORMATS[format]),
  }
}

function plain(size: Size, format: Format): Case {
  const name = plainName(size, format)
  return {
    name,
    eventBytes: SIZES[size],
    eventNames: 1,
    reference: name,
    start: (job) => referenceWorker('plain-loop.ts', job, FORMATS[format]),
  }
}

function kafkajs(size: Size): Case {
  return {
    name: `kafkajs’s consumer, ${size}, none`,
    eventBytes: SIZES[size],
    eventNames: 1,
    reference: plainName(size, 'none'),
    start: (job) => referenceWorker('stock-consumer.ts', job),
  }
}

function plainName(size: Size, format: Format): string {
  return `plain loop, ${size}, ${format}`
}
