import {
  AbortMultipartUploadCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { SinkConfig } from '../contract/sink-config.ts'
import type { NewObject, ObjectStore, StoredObject } from './object-store.ts'
import { mountedCredentials } from './s3-credentials.ts'
import { S3Error, s3Error } from './s3-errors.ts'
import { type CallOptions, type CallS3, type Upload, uploadInParts } from './s3-multipart.ts'
import { objectOptions } from './s3-object-options.ts'
import { assumedRole } from './s3-role.ts'

/** Default of `largestPutBytes`: a single buffer costs half the CPU of parts, and this much can still be sent again at once. */
const LARGEST_PUT_BYTES = 64 * 1024 * 1024
/** Sockets to S3: objects written at once (OBJECT_WRITES_AT_ONCE) times parts of one object, with some to spare for HEAD. */
const MOST_SOCKETS = 64
const CONNECT_TIMEOUT_MS = 5_000
/** No byte either way for so long: the connection is dead. S3 may need minutes for CompleteMultipartUpload, but keeps sending white space. */
const IDLE_TIMEOUT_MS = 30_000
/** 64 MiB at 220 KB/s. */
const REQUEST_TIMEOUT_MS = 300_000
const ABANDON_TIMEOUT_MS = 10_000

/** Sees every S3 call, for metrics. */
export interface S3Observer {
  called(operation: string, durationMs: number, error: S3Error | null): void
}

export interface S3StoreOptions {
  readonly s3: SinkConfig['s3']
  /** Folder of the mounted credentials; used where `s3.credentials` is `mounted`. */
  readonly credentialsDir: string
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
  readonly #options: S3StoreOptions

  constructor(options: S3StoreOptions, client = createClient(options)) {
    this.#options = options
    this.#client = client
  }

  async createIfAbsent(object: NewObject, signal: AbortSignal): Promise<'created' | 'exists'> {
    const sizeBytes = object.chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    try {
      if (sizeBytes > (this.#options.largestPutBytes ?? LARGEST_PUT_BYTES)) await this.#uploadInParts(object, signal)
      else await this.#put(object, signal)
      return 'created'
    } catch (error) {
      if (isCode(error, 'PreconditionFailed')) return 'exists'
      throw error
    }
  }

  async head(key: string, signal: AbortSignal): Promise<StoredObject | null> {
    const { bucketName: Bucket } = this.#options.s3
    try {
      const head = await this.#call('HeadObject', signal, (client, options) =>
        client.send(new HeadObjectCommand({ Bucket, Key: key }), options),
      )
      return { metadata: head.Metadata ?? {}, sizeBytes: head.ContentLength ?? 0 }
    } catch (error) {
      if (isCode(error, 'NotFound')) return null
      throw error
    }
  }

  /** Lists one key: unlike HeadBucket, whose answer has no body, this says NoSuchBucket, AccessDenied or InvalidAccessKeyId. */
  async checkBucket(signal: AbortSignal): Promise<void> {
    const { bucketName: Bucket } = this.#options.s3
    await this.#call('ListObjectsV2', signal, (client, options) =>
      client.send(new ListObjectsV2Command({ Bucket, MaxKeys: 1 }), options),
    )
  }

  close(): void {
    this.#client.destroy()
  }

  async #put({ key, chunks, contentType, metadata }: NewObject, signal: AbortSignal): Promise<void> {
    const [only] = chunks
    const Body = only && chunks.length === 1 ? only : Buffer.concat(chunks)
    await this.#call('PutObject', signal, (client, options) =>
      client.send(
        new PutObjectCommand({
          Bucket: this.#options.s3.bucketName,
          Key: key,
          Body,
          ContentType: contentType,
          Metadata: metadata,
          IfNoneMatch: '*',
          ...objectOptions(this.#options.s3),
        }),
        options,
      ),
    )
  }

  async #uploadInParts(object: NewObject, signal: AbortSignal): Promise<void> {
    const callS3: CallS3 = (operation, call) => this.#call(operation, signal, call)
    await uploadInParts(this.#options.s3, object, callS3, (upload) => this.#abandon(upload))
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
      throw failure
    }
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof S3Error && error.code === code
}

function createClient({ s3, credentialsDir }: S3StoreOptions): S3Client {
  const agent = { keepAlive: true, maxSockets: MOST_SOCKETS }
  const own = s3.credentials === 'mounted' ? { credentials: mountedCredentials(credentialsDir) } : {}
  return new S3Client({
    region: s3.region,
    forcePathStyle: s3.forcePathStyle,
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler({
      httpAgent: agent,
      httpsAgent: agent,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: IDLE_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    }),
    ...checksums(s3),
    ...(s3.endpoint === undefined ? {} : { endpoint: s3.endpoint }),
    ...(s3.assumeRole ? { credentials: assumedRole(s3.assumeRole, { region: s3.region, ...own }) } : own),
  })
}

/** Servers that do not know the newer checksums send none with their answers either. */
function checksums({ requestChecksumCalculation }: SinkConfig['s3']): Partial<S3ClientConfig> {
  const mode = requestChecksumCalculation === 'when_required' ? 'WHEN_REQUIRED' : 'WHEN_SUPPORTED'
  return { requestChecksumCalculation: mode, responseChecksumValidation: mode }
}
