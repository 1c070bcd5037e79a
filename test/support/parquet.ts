import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'

const compressors = {
  ZSTD: (page: Uint8Array) => zstdDecompressSync(page),
  GZIP: (page: Uint8Array) => gunzipSync(page),
}

/** The rows of a Parquet file, by hyparquet. */
export function parquetRows(file: Buffer): Promise<Record<string, unknown>[]> {
  return parquetReadObjects({ file: arrayBuffer(file), compressors })
}

/** Rows of each row group. */
export function rowGroupSizes(file: Buffer): number[] {
  return parquetMetadata(arrayBuffer(file)).row_groups.map(({ num_rows }) => Number(num_rows))
}

/** Events as the lines of an object. */
export function linesOf(events: readonly unknown[]): Buffer[] {
  return events.map((event) => Buffer.from(`${typeof event === 'string' ? event : JSON.stringify(event)}\n`))
}

function arrayBuffer(file: Buffer): ArrayBuffer {
  return new Uint8Array(file).buffer
}
