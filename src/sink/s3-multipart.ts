import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { NewObject } from './object-store.ts'

/** S3 takes at most 10,000 parts an upload. Source: "Amazon S3 multipart upload limits". */
const MOST_PARTS = 10_000
/** Parts of one object that are sent at once: enough to fill a connection's idle time, and one copied part each. */
const PARTS_AT_ONCE = 4

export interface CallOptions {
  readonly abortSignal: AbortSignal
}

/** Makes one call to S3; the store wraps it with its client, metrics and error mapping. */
export type CallS3 = <T>(operation: string, call: (client: S3Client, options: CallOptions) => Promise<T>) => Promise<T>

/**
 * Writes an object in parts, and completes it only where the key is free (`If-None-Match: *`). Parts are invisible until
 * then; those of an upload that fails are left to the bucket's lifecycle rule, as AbortMultipartUpload is a permission
 * of its own that the connector does not ask for. Each part carries a CRC-32, which S3 checks again on completion.
 */
export async function uploadInParts(
  bucketName: string,
  object: NewObject,
  partSizeBytes: number,
  callS3: CallS3,
): Promise<void> {
  const target = { Bucket: bucketName, Key: object.key }
  const { UploadId } = await callS3('CreateMultipartUpload', (client, options) =>
    client.send(
      new CreateMultipartUploadCommand({
        ...target,
        ContentType: object.contentType,
        Metadata: object.metadata,
        ChecksumAlgorithm: 'CRC32',
      }),
      options,
    ),
  )
  const upload = { ...target, UploadId }
  const bodies = splitIntoParts(object.chunks, partSizeBytes)
  const parts = await mapAtMost(PARTS_AT_ONCE, bodies, (chunks, index) => uploadPart(upload, index + 1, chunks, callS3))
  await callS3('CompleteMultipartUpload', (client, options) =>
    client.send(
      new CompleteMultipartUploadCommand({ ...upload, IfNoneMatch: '*', MultipartUpload: { Parts: parts } }),
      options,
    ),
  )
}

interface Upload {
  readonly Bucket: string
  readonly Key: string
  readonly UploadId: string | undefined
}

async function uploadPart(
  upload: Upload,
  PartNumber: number,
  chunks: readonly Buffer[],
  callS3: CallS3,
): Promise<CompletedPart> {
  const { ETag, ChecksumCRC32 } = await callS3('UploadPart', (client, options) =>
    client.send(
      new UploadPartCommand({ ...upload, PartNumber, Body: Buffer.concat(chunks), ChecksumAlgorithm: 'CRC32' }),
      options,
    ),
  )
  return { PartNumber, ETag, ChecksumCRC32 }
}

/** Cuts a body into parts of exactly `partSizeBytes` (the last may be smaller), larger ones where 10,000 would not do. Copies nothing. */
export function splitIntoParts(chunks: readonly Buffer[], partSizeBytes: number): Buffer[][] {
  const totalBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  const size = Math.max(partSizeBytes, Math.ceil(totalBytes / MOST_PARTS))
  const parts: Buffer[][] = []
  let room = 0
  for (const chunk of chunks) {
    for (let from = 0; from < chunk.length; ) {
      if (room === 0) {
        parts.push([])
        room = size
      }
      const piece = chunk.subarray(from, from + room)
      parts.at(-1)?.push(piece)
      from += piece.length
      room -= piece.length
    }
  }
  return parts
}

async function mapAtMost<T, R>(limit: number, items: readonly T[], work: (item: T, index: number) => Promise<R>) {
  const results = new Array<R>(items.length)
  let next = 0
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index] as T, index)
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
  return results
}
