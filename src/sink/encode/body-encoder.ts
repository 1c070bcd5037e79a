import type { FileFormat } from '../../contract/file-format.ts'
import { Slots } from '../../lib/slots.ts'
import { compress } from './compress.ts'
import { ParquetThread } from './parquet-thread.ts'

/** How the lines of one object become its body. */
export interface BodyFormat extends FileFormat {
  /** Decides the columns of Parquet. */
  readonly eventType: string
}

/** Makes bodies of lines. */
export interface Encoder {
  /** @param lines each ended with a line feed; lent, and given back as they are where nothing is to be done */
  encode(lines: readonly Buffer[], format: BodyFormat): Promise<readonly Buffer[]>
}

/** Half of libuv's thread pool, which also looks up host names: S3 must not wait for a compression. */
const COMPRESSIONS_AT_ONCE = 2

/**
 * Turns lines into an object's body, off the main thread where that is work. Equal lines give equal bytes with the same
 * release of Node and hyparquet-writer. That is not relied on: an object is recognised by its lines (object-writer.ts).
 */
export class BodyEncoder implements Encoder {
  readonly #slots = new Slots(COMPRESSIONS_AT_ONCE)
  readonly #parquet = new ParquetThread()

  async encode(lines: readonly Buffer[], { format, compression, eventType }: BodyFormat): Promise<readonly Buffer[]> {
    if (format === 'parquet') return [await this.#parquet.file(eventType, compression, lines)]
    if (compression === 'none') return lines
    return this.#slots.run(() => compress(compression, lines))
  }
}

/** Whether the lines are the body, so that size and checksum of the one are those of the other. */
export function isPlain({ format, compression }: FileFormat): boolean {
  return format === 'ndjson' && compression === 'none'
}

/**
 * No Content-Encoding goes with it: the object is a compressed file and stays one wherever it is copied to. With that
 * header some clients would unpack it on the way and leave a `.json.gz` that is not compressed.
 */
export function contentTypeOf({ format, compression }: FileFormat): string {
  if (format === 'parquet') return 'application/vnd.apache.parquet'
  return { none: 'application/x-ndjson', gzip: 'application/gzip', zstd: 'application/zstd' }[compression]
}
