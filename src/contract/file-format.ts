/** How the events of one object are written. */
export const FORMATS = ['ndjson', 'parquet'] as const
export const COMPRESSIONS = ['none', 'gzip', 'zstd'] as const

export type Format = (typeof FORMATS)[number]
export type Compression = (typeof COMPRESSIONS)[number]

export interface FileFormat {
  readonly format: Format
  /** Of the whole file; in Parquet of its pages. */
  readonly compression: Compression
}

/** Parquet without compression is larger than NDJSON with it, so a Parquet file is compressed unless somebody says otherwise. */
export function defaultCompression(format: Format): Compression {
  return format === 'parquet' ? 'zstd' : 'none'
}

const COMPRESSION_ENDINGS: Readonly<Record<Compression, string>> = { none: '', gzip: '.gz', zstd: '.zst' }

/**
 * The extension of an object's name: the template's, corrected to what the file is, as Athena, Spark and DuckDB decide by it how to
 * read the file. `.json` becomes `.json.gz`, `.json.zst` or `.parquet`, and `.parquet` becomes `.json` where the file is not Parquet; a
 * compression that the template claims and the file does not have is dropped.
 *
 * @param own the template's own extension, empty where it has none
 */
export function objectExtension(own: string, { format, compression }: FileFormat): string {
  const uncompressed = own.replace(/\.(gz|zst)$/, '')
  if (format === 'parquet') return `${uncompressed.replace(/\.(json|jsonl|ndjson|parquet)$/, '')}.parquet`
  return `${uncompressed.replace(/\.parquet$/, '.json')}${COMPRESSION_ENDINGS[compression]}`
}
