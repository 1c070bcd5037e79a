import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { SinkConfig } from '../contract/sink-config.ts'
import { sizeOf } from './byte-log.ts'
import type { NewObject } from './object-store.ts'
import { telling } from './s3-errors.ts'
import { objectOptions } from './s3-object-options.ts'

/** S3 takes at most 10,000 parts an upload. Source: "Amazon S3 multipart upload limits". */
const MOST_PARTS = 10_000
/** Parts of one object that are sent at once: enough to fill a connection's idle time, and one copied part each. */
const PARTS_AT_ONCE = 4

export interface CallOptions {
  readonly abortSignal: AbortSignal
}

/** Makes one call to S3; the store wraps it with its client, metrics and error mapping. */
export type CallS3 = <T>(operation: string, call: (client: S3Client, options: CallOptions) => Promise<T>) => Promise<T>

type S3Settings = Pick<
  SinkConfig['s3'],
  'bucketName' | 'partSizeBytes' | 'serverSideEncryption' | 'storageClass' | 'requestChecksumCalculation'
>

export interface UploadCalls {
  readonly callS3: CallS3
  /** Whether an object is there under the key. */
  readonly isTaken: () => Promise<boolean>
  /** Is told of an upload that will not be completed. */
  readonly abandon: (upload: Upload) => void
}

/**
 * Writes an object in parts, which are invisible until it completes them, and completes them only where the key is free. The completion
 * carries that condition (`If-None-Match: *`). As it was never tried out whether the server heeds it there, the server is also asked just before
 * whether the key is taken, which costs little beside the parts. Each part carries a CRC-32, which S3 checks again on completion, unless
 * checksums are switched off. Nothing is resumed: after any failure the object is written again as a new upload.
 *
 * @throws what `callS3` throws; the upload is given up then
 */
export async function uploadInParts(
  s3: S3Settings,
  object: NewObject,
  { callS3, isTaken, abandon }: UploadCalls,
): Promise<'created' | 'exists'> {
  const checksum = s3.requestChecksumCalculation === 'when_supported' ? ({ ChecksumAlgorithm: 'CRC32' } as const) : {}
  const upload = await createUpload(s3, object, checksum, callS3)
  try {
    const bodies = splitIntoParts(object.chunks, s3.partSizeBytes)
    const Parts = await mapAtMost(PARTS_AT_ONCE, bodies, (chunks, index) =>
      uploadPart({ ...upload, ...checksum, PartNumber: index + 1 }, chunks, callS3),
    )
    if (await isTaken()) {
      abandon(upload)
      return 'exists'
    }
    await callS3('CompleteMultipartUpload', (client, options) =>
      client
        .send(new CompleteMultipartUploadCommand({ ...upload, IfNoneMatch: '*', MultipartUpload: { Parts } }), options)
        .then(telling('ETag')),
    )
    return 'created'
  } catch (error) {
    abandon(upload)
    throw error
  }
}

export interface Upload {
  readonly Bucket: string
  readonly Key: string
  /** Without it the SDK makes another request: a part would be put as the object, and to abort would be to delete that. */
  readonly UploadId: string
}

interface Checksum {
  readonly ChecksumAlgorithm?: 'CRC32'
}

async function createUpload(s3: S3Settings, object: NewObject, checksum: Checksum, callS3: CallS3): Promise<Upload> {
  const target = { Bucket: s3.bucketName, Key: object.key }
  const { UploadId } = await callS3('CreateMultipartUpload', (client, options) =>
    client
      .send(
        new CreateMultipartUploadCommand({
          ...target,
          ContentType: object.contentType,
          Metadata: object.metadata,
          ...checksum,
          ...objectOptions(s3),
        }),
        options,
      )
      .then(telling('UploadId')),
  )
  return { ...target, UploadId }
}

async function uploadPart(
  part: Upload & Checksum & { readonly PartNumber: number },
  chunks: readonly Buffer[],
  callS3: CallS3,
): Promise<CompletedPart> {
  const { ETag, ChecksumCRC32 } = await callS3('UploadPart', (client, options) =>
    client.send(new UploadPartCommand({ ...part, Body: Buffer.concat(chunks) }), options).then(telling('ETag')),
  )
  return { PartNumber: part.PartNumber, ETag, ...(ChecksumCRC32 === undefined ? {} : { ChecksumCRC32 }) }
}

/** Cuts a body into parts of exactly `partSizeBytes` (the last may be smaller), larger ones where 10,000 would not do. Copies nothing. */
export function splitIntoParts(chunks: readonly Buffer[], partSizeBytes: number): Buffer[][] {
  const size = Math.max(partSizeBytes, Math.ceil(sizeOf(chunks) / MOST_PARTS))
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

/** Fails with the first failure, begins nothing after it, and settles only when nothing is under way any more. */
async function mapAtMost<T, R>(limit: number, items: readonly T[], work: (item: T, index: number) => Promise<R>) {
  const results = new Array<R>(items.length)
  const failures: unknown[] = []
  let next = 0
  const worker = async () => {
    while (next < items.length && failures.length === 0) {
      const index = next++
      try {
        results[index] = await work(items[index] as T, index)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
  if (failures.length > 0) throw failures[0]
  return results
}
