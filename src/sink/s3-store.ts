import {
  AbortMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3'
import { S3_AUTHORITIES_DIR } from '../contract/names.ts'
import type { SinkConfig } from '../contract/sink-config.ts'
import { sizeOf } from './byte-log.ts'
import type { NewObject, ObjectStore, StoredObject } from './object-store.ts'
import { S3Authorities } from './s3-authorities.ts'
import { createClient } from './s3-client.ts'
import { S3Error, s3Error, telling } from './s3-errors.ts'
import { type CallOptions, type Upload, uploadInParts } from './s3-multipart.ts'
import { DirectPut, type ObjectPut } from './s3-put.ts'

/** Default of `largestPutBytes`: a single buffer costs half the CPU of parts, and this much can still be sent again at once. */
const LARGEST_PUT_BYTES = 64 * 1024 * 1024
const ABANDON_TIMEOUT_MS = 10_000

/** Answers by which the credentials are not, or no longer, those of anybody. MinIO forgets temporary ones as soon as they end. */
const REFUSES_CREDENTIALS = new Set(['ExpiredToken', 'InvalidAccessKeyId', 'InvalidToken', 'TokenRefreshRequired'])

/** Sees every S3 call, for metrics. */
export interface S3Observer {
  called(operation: string, durationMs: number, error: S3Error | null): void
}

export interface S3StoreOptions {
  readonly s3: SinkConfig['s3']
  /** Folder of the mounted credentials; used where `s3.credentials` is `mounted`. */
  readonly credentialsDir: string
  /** Folder of the mounted authorities; used where `s3.authorities` is `mounted`. Default S3_AUTHORITIES_DIR. */
  readonly authoritiesDir?: string
  readonly observer: S3Observer
  /** One PutObject up to here, parts above. */
  readonly largestPutBytes?: number
}

/**
 * The bucket, by the AWS SDK. Needs no more than s3:ListBucket, s3:GetObject and s3:PutObject. Retries nothing (the SDK's
 * own retries would hide failures from `status`); every failure is an S3Error.
 */
export class S3Store implements ObjectStore {
  readonly #client: S3Client
  readonly #put: ObjectPut
  readonly #options: S3StoreOptions

  constructor(
    options: S3StoreOptions,
    client = createClient(options.s3, options.credentialsDir, authoritiesOf(options)),
    put: ObjectPut = new DirectPut(client, options.s3, authoritiesOf(options)),
  ) {
    this.#options = options
    this.#client = client
    this.#put = put
  }

  get #largestPutBytes(): number {
    return this.#options.largestPutBytes ?? LARGEST_PUT_BYTES
  }

  async createIfAbsent(object: NewObject, signal: AbortSignal): Promise<'created' | 'exists'> {
    try {
      if (sizeOf(object.chunks) > this.#largestPutBytes) return await this.#uploadInParts(object, signal)
      await this.#call('PutObject', signal, () => this.#put.put(object, signal))
      return 'created'
    } catch (error) {
      if (isCode(error, 'PreconditionFailed') || (await this.#isRefusedUnread(error, object.key, signal)))
        return 'exists'
      throw error
    }
  }

  /**
   * Whether the connection was lost over an object that is there. A server that refuses an object may close the connection without
   * having read the body: the reset then overtakes its answer, each time again, and nobody would ever know that the object is there.
   */
  async #isRefusedUnread(error: unknown, key: string, signal: AbortSignal): Promise<boolean> {
    if (!(error instanceof S3Error) || error.isAnswer) return false
    return (await this.head(key, signal).catch(() => null)) !== null
  }

  async head(key: string, signal: AbortSignal): Promise<StoredObject | null> {
    const { bucketName: Bucket } = this.#options.s3
    // Within the call: that nothing is there is an answer, as of each object in parts, and no failure to be counted.
    const head = await this.#call('HeadObject', signal, (client, options) =>
      client.send(new HeadObjectCommand({ Bucket, Key: key }), options).then(telling('ETag'), nullIfNotFound),
    )
    return head && { metadata: head.Metadata ?? {}, sizeBytes: head.ContentLength ?? 0 }
  }

  /** Lists one key: unlike HeadBucket, whose answer has no body, this says NoSuchBucket, AccessDenied or InvalidAccessKeyId. */
  async checkBucket(signal: AbortSignal): Promise<void> {
    const { bucketName: Bucket } = this.#options.s3
    await this.#call('ListObjectsV2', signal, (client, options) =>
      client.send(new ListObjectsV2Command({ Bucket, MaxKeys: 1 }), options),
    )
  }

  /** Needs s3:ListBucketMultipartUploads and s3:AbortMultipartUpload. Lines hardly grow when they are encoded, and never to twice their size. */
  async abortUploads(key: string, linesBytes: number, over: AbortSignal): Promise<number> {
    if (linesBytes * 2 <= this.#largestPutBytes) return 0
    const { bucketName: Bucket } = this.#options.s3
    const signal = AbortSignal.any([over, AbortSignal.timeout(ABANDON_TIMEOUT_MS)])
    const { Uploads = [] } = await this.#call('ListMultipartUploads', signal, (client, options) =>
      client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: key }), options),
    )
    // The key may be the beginning of others.
    const found = Uploads.filter(({ Key }) => Key === key)
    for (const { UploadId } of found)
      await this.#call('AbortMultipartUpload', signal, (client, options) =>
        client.send(new AbortMultipartUploadCommand({ Bucket, Key: key, UploadId }), options),
      ).catch(unlessGone)
    return found.length
  }

  close(): void {
    this.#put.close()
    this.#client.destroy()
  }

  #uploadInParts(object: NewObject, signal: AbortSignal): Promise<'created' | 'exists'> {
    return uploadInParts(this.#options.s3, object, {
      callS3: (operation, call) => this.#call(operation, signal, call),
      isTaken: async () => (await this.head(object.key, signal)) !== null,
      abandon: (upload) => this.#abandon(upload),
    })
  }

  /**
   * Gives the parts of an upload free, if it may: s3:AbortMultipartUpload is a permission that the connector does not ask
   * for. Where it is refused, or the process dies, they are left to the bucket's lifecycle rule. Nobody waits for it.
   */
  #abandon(upload: Upload): void {
    this.#call('AbortMultipartUpload', AbortSignal.timeout(ABANDON_TIMEOUT_MS), (client, options) =>
      client.send(new AbortMultipartUploadCommand(upload), options),
    ).catch(() => {})
  }

  /** They may have ended before they were to, as by the clock of this machine: without being told the SDK would keep them until then. */
  async #renewCredentials(): Promise<void> {
    await this.#client.config.credentials({ forceRefresh: true }).catch(() => {})
  }

  async #call<T>(
    operation: string,
    abortSignal: AbortSignal,
    call: (client: S3Client, options: CallOptions) => Promise<T>,
  ): Promise<T> {
    const { s3, observer } = this.#options
    const startedMs = performance.now()
    try {
      const answer = await call(this.#client, { abortSignal })
      observer.called(operation, performance.now() - startedMs, null)
      return answer
    } catch (error) {
      if (abortSignal.aborted) throw error
      const failure = s3Error(error, operation, s3)
      observer.called(operation, performance.now() - startedMs, failure)
      if (REFUSES_CREDENTIALS.has(failure.code)) await this.#renewCredentials()
      throw failure
    }
  }
}

function authoritiesOf({ s3, authoritiesDir = S3_AUTHORITIES_DIR }: S3StoreOptions): S3Authorities | null {
  return s3.authorities === 'mounted' ? new S3Authorities(authoritiesDir) : null
}

function nullIfNotFound(error: unknown): null {
  if (error instanceof Error && error.name === 'NotFound') return null
  throw error
}

/** Its owner has given it up, or a lost answer was ours. */
function unlessGone(error: unknown): void {
  if (!isCode(error, 'NoSuchUpload')) throw error
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof S3Error && error.code === code
}
