import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { ByteWriter, type ColumnSource, ParquetWriter } from 'hyparquet-writer'
import type { Compression } from '../../contract/file-format.ts'
import { GZIP_LEVEL, ZSTD_LEVEL } from './compress.ts'
import { type ColumnData, columnsFrom, columnsOf, schemaOf } from './parquet-columns.ts'

const CODECS = { none: 'UNCOMPRESSED', gzip: 'GZIP', zstd: 'ZSTD' } as const

const compressors = {
  GZIP: (page: Uint8Array) => gzipSync(page, { level: GZIP_LEVEL }),
  ZSTD: (page: Uint8Array) => zstdCompressSync(page, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } }),
}

/** Columns whose values hardly ever repeat, as those of JSON text: no dictionary is tried, and minimum and maximum tell nothing. */
const UNIQUE = new Set(['EventId', 'id', 'traceId'])

/**
 * A Parquet file that grows by one row group at a time. Equal lines in equal groups give equal bytes. Blocks its thread
 * while it encodes: see parquet-worker.ts.
 */
export class ParquetFile {
  readonly #eventType: string
  readonly #bytes = new ByteWriter(1024 * 1024)
  readonly #writer: ParquetWriter

  constructor(eventType: string, compression: Compression) {
    this.#eventType = eventType
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema: schemaOf(columnsOf(eventType)),
      codec: CODECS[compression],
      compressors,
      createdBy: 'analytics-connector',
    })
  }

  /** @param lines JSON objects, each ended with a line feed; not needed any more afterwards */
  addRowGroup(lines: Uint8Array): void {
    const columns = columnsFrom(lines, columnsOf(this.#eventType))
    this.#writer.write({ columnData: columns.map(columnSource), rowGroupSize: Number.MAX_SAFE_INTEGER })
    this.#copyStatistics()
  }

  /** A column's least and greatest value are slices of the lines, and would keep those of all groups until the file is finished. */
  #copyStatistics(): void {
    for (const { meta_data } of this.#writer.row_groups.at(-1)?.columns ?? []) {
      const statistics = meta_data?.statistics
      if (statistics?.min_value instanceof Uint8Array) statistics.min_value = statistics.min_value.slice()
      if (statistics?.max_value instanceof Uint8Array) statistics.max_value = statistics.max_value.slice()
    }
  }

  /** The whole file; nothing can be added afterwards. */
  finish(): Uint8Array<ArrayBuffer> {
    this.#writer.finish()
    const { buffer, index } = this.#bytes
    return new Uint8Array(buffer.transfer(index))
  }
}

function columnSource({ name, type, data }: ColumnData): ColumnSource {
  if (type === 'json' || UNIQUE.has(name)) return { name, data, encoding: 'PLAIN', statistics: false }
  return type === 'time' ? { name, data, encoding: 'PLAIN' } : { name, data }
}
