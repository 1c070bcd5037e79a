import type { Compression } from '../../../src/contract/file-format.ts'
import type { Worker } from './measure.ts'
import { type Job, referenceWorker, sinkWorker } from './workers.ts'

export interface Case {
  readonly name: string
  readonly eventBytes: number
  readonly eventNames: number
  /** The plain loop, and kafkajs's consumer, that do the same work. */
  readonly plain: string
  readonly kafkajs: string
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
  ...(['none', 'zstd', 'gzip'] as const).map((format) => kafkajs('1 KiB', format)),
  sink('1 KiB', 'none', 100),
  ...(['200 B', '10 KiB'] as const).flatMap((size) => [plain(size, 'none'), sink(size, 'none')]),
  kafkajs('200 B', 'none'),
]

function sink(size: Size, format: Format, objects = 1): Case {
  const name = `sink, ${size}, ${format}, ${objects} ${objects === 1 ? 'object' : 'objects'}`
  return { ...caseOf(name, size, format, objects), start: (job) => sinkWorker(job, FORMATS[format]) }
}

function plain(size: Size, format: Format): Case {
  const start = (job: Job) => referenceWorker('plain-loop.ts', job, FORMATS[format])
  return { ...caseOf(plainName(size, format), size, format), start }
}

function kafkajs(size: Size, format: Exclude<Format, 'parquet'>): Case {
  const start = (job: Job) => referenceWorker('stock-consumer.ts', job, FORMATS[format])
  return { ...caseOf(kafkajsName(size, format), size, format), start }
}

function caseOf(name: string, size: Size, format: Format, eventNames = 1): Omit<Case, 'start'> {
  const beside = { plain: plainName(size, format), kafkajs: kafkajsName(size, format) }
  return { name, eventBytes: SIZES[size], eventNames, ...beside }
}

function plainName(size: Size, format: Format): string {
  return `plain loop, ${size}, ${format}`
}

function kafkajsName(size: Size, format: Format): string {
  return `kafkajs’s consumer, ${size}, ${format}`
}
