/** What we say about an object beside its bytes: S3 user metadata, ASCII. */
export type ObjectMetadata = Readonly<Record<string, string>>

export interface StoredObject {
  readonly metadata: ObjectMetadata
  readonly sizeBytes: number
}

export interface NewObject {
  readonly key: string
  /** Written one after the other as the object's body. */
  readonly chunks: readonly Buffer[]
  /** Of the body, 8 hexadecimal digits. */
  readonly crc32: string
  readonly contentType: string
  readonly metadata: ObjectMetadata
}

/**
 * The bucket as the sink uses it. Calls retry nothing by themselves beyond a lost connection; they throw S3 errors whose
 * message is one line that a person can act on (code, operation, bucket, region).
 */
export interface ObjectStore {
  /** Creates the object unless the key exists (`If-None-Match: *`). */
  createIfAbsent(object: NewObject, signal: AbortSignal): Promise<'created' | 'exists'>
  /** Null where there is no such object. */
  head(key: string, signal: AbortSignal): Promise<StoredObject | null>
  /**
   * Aborts the uploads in parts that somebody has begun under exactly this key, where a body of such lines may have gone up in parts.
   * @param linesBytes size before the lines were encoded
   * @returns how many there were
   */
  abortUploads(key: string, linesBytes: number, signal: AbortSignal): Promise<number>
  /** Throws unless the bucket exists and lets us list it. */
  checkBucket(signal: AbortSignal): Promise<void>
  close(): void
}
