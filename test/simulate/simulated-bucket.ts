import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type ListObjectsV2Command,
  type S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { crc32Of } from '../../src/sink/byte-log.ts'
import type { ObjectMetadata } from '../../src/sink/object-store.ts'
import type { ObjectPut } from '../../src/sink/s3-put.ts'
import type { Fates, Life, World } from './world.ts'

export interface HeldObject {
  readonly body: Buffer
  readonly metadata: ObjectMetadata
}

interface HeldUpload {
  readonly key: string
  readonly metadata: ObjectMetadata
  readonly startedBy: Life
  readonly parts: Map<number, Buffer>
}

export interface BucketOptions {
  readonly fates: Fates
  /** Whether `If-None-Match` is honoured. */
  readonly isConditional: boolean
  /** Whether the bucket's policy lets the sinks list uploads, and abort them: neither is among the five actions that they ask for. */
  readonly allowsUploadCare: boolean
}

const TIMEOUT_MS = 20_000
const STATUS: Readonly<Record<string, number>> = { NotFound: 404, NoSuchUpload: 404, AccessDenied: 403, SlowDown: 503 }

/** The bucket, strongly consistent as S3 is. A write may land long after its writer has died. */
export class SimulatedBucket {
  readonly objects = new Map<string, HeldObject>()
  readonly uploads = new Map<string, HeldUpload>()
  /** What no sink may ever do. */
  readonly violations: string[] = []
  readonly #world: World
  readonly #options: BucketOptions
  #uploadIds = 0

  constructor(world: World, options: BucketOptions) {
    this.#world = world
    this.#options = options
  }

  /** The bucket as one process reaches it: the part of the SDK's client that S3Store uses. */
  clientOf(life: Life): S3Client {
    return {
      send: (command: Command, { abortSignal }: { abortSignal: AbortSignal }) =>
        unlessAborted(this.#send(life, command), abortSignal),
      destroy: () => {},
    } as unknown as S3Client
  }

  /** As the store writes what needs no parts. */
  putOf(life: Life): ObjectPut {
    return {
      put: async ({ key, chunks, metadata }, signal) => {
        const object = { body: Buffer.concat(chunks), metadata }
        await unlessAborted(
          this.#call(life, 'PutObject', key, () => this.#create(life, key, object)),
          signal,
        )
      },
      close: () => {},
    }
  }

  /** A lifecycle rule that is shorter than an upload takes. */
  removeUploads(): void {
    this.#world.tally.add('uploads removed by a lifecycle rule', this.uploads.size)
    this.uploads.clear()
  }

  #send(life: Life, command: Command): Promise<object> {
    const operation = command.constructor.name.replace(/Command$/, '')
    const about = 'Key' in command.input ? String(command.input.Key) : ''
    // What is sent is what the memory held then.
    const sent = command instanceof UploadPartCommand ? Buffer.from(command.input.Body as Buffer) : Buffer.alloc(0)
    return this.#call(life, operation, about, () => this.#effect(life, command, sent))
  }

  #call(life: Life, operation: string, about: string, effect: () => object): Promise<object> {
    return this.#world.call(life, {
      operation,
      about,
      effect,
      fates: this.#options.fates,
      timeoutMs: TIMEOUT_MS,
      refusal: () => failure(this.#world.random.pick(['SlowDown', 'ConditionalRequestConflict', 'InternalError'])),
    })
  }

  #effect(life: Life, command: Command, sent: Buffer): object {
    if (command instanceof HeadObjectCommand) return this.#head(String(command.input.Key))
    if (command instanceof CreateMultipartUploadCommand) return this.#begin(life, command.input)
    if (command instanceof UploadPartCommand) return this.#takePart(command.input, sent)
    if (command instanceof CompleteMultipartUploadCommand) return this.#complete(life, command.input)
    if (command instanceof AbortMultipartUploadCommand) return this.#abort(life, String(command.input.UploadId))
    if (command instanceof ListMultipartUploadsCommand) return this.#list(String(command.input.Prefix))
    return {}
  }

  #create(life: Life, key: string, object: HeldObject): object {
    const existing = this.objects.get(key)
    this.#world.note(life.name, `${key} ${existing ? 'is there' : `is created, ${object.body.length} bytes`}`)
    // A bucket that ignores the condition shows it at the probe: then nothing is delivered at all.
    if (existing && (this.#options.isConditional || key.startsWith('_probe/'))) throw failure('PreconditionFailed')
    if (existing && !existing.body.equals(object.body)) this.violations.push(`${key} was overwritten`)
    this.objects.set(key, object)
    return { ETag: key }
  }

  #head(key: string): object {
    const object = this.objects.get(key)
    if (!object) throw failure('NotFound')
    return { ETag: key, Metadata: object.metadata, ContentLength: object.body.length }
  }

  #begin(life: Life, { Key = '', Metadata = {} }: CreateMultipartUploadCommand['input']): object {
    const UploadId = `u${++this.#uploadIds}`
    this.uploads.set(UploadId, { key: Key, metadata: Metadata, startedBy: life, parts: new Map() })
    return { UploadId }
  }

  #takePart({ UploadId, PartNumber = 0 }: UploadPartCommand['input'], part: Buffer): object {
    this.#uploadOf(UploadId).parts.set(PartNumber, part)
    return { ETag: crc32Of([part]) }
  }

  /** Where the key is taken the upload stays: it is for its owner to abort. */
  #complete(life: Life, { UploadId, MultipartUpload }: CompleteMultipartUploadCommand['input']): object {
    const { key, metadata, parts } = this.#uploadOf(UploadId)
    const named = MultipartUpload?.Parts ?? []
    if (!named.every((part) => isHeld(part, parts))) throw failure('InvalidPart')
    const body = Buffer.concat(named.map(({ PartNumber = 0 }) => parts.get(PartNumber) as Buffer))
    const created = this.#create(life, key, { body, metadata })
    this.uploads.delete(String(UploadId))
    return created
  }

  /** A process may abort what it has begun itself; uploads of others only where they cannot be wanted any more. */
  #abort(life: Life, uploadId: string): object {
    const { key, startedBy } = this.#uploadOf(uploadId)
    if (!this.#options.allowsUploadCare) throw failure('AccessDenied')
    if (startedBy !== life && !this.objects.has(key))
      this.violations.push(`an upload of ${key} was aborted before its time`)
    this.#world.tally.add(startedBy === life ? 'uploads aborted by their owner' : 'orphaned uploads aborted')
    this.uploads.delete(uploadId)
    return {}
  }

  #list(prefix: string): object {
    if (!this.#options.allowsUploadCare) throw failure('AccessDenied')
    const found = [...this.uploads].filter(([, { key }]) => key.startsWith(prefix))
    return { Uploads: found.map(([UploadId, { key }]) => ({ UploadId, Key: key })) }
  }

  #uploadOf(uploadId = ''): HeldUpload {
    const upload = this.uploads.get(uploadId)
    if (!upload) throw failure('NoSuchUpload')
    return upload
  }
}

type Command =
  | AbortMultipartUploadCommand
  | CompleteMultipartUploadCommand
  | CreateMultipartUploadCommand
  | HeadObjectCommand
  | ListMultipartUploadsCommand
  | ListObjectsV2Command
  | UploadPartCommand

function isHeld({ PartNumber = 0, ETag }: CompletedPart, parts: ReadonlyMap<number, Buffer>): boolean {
  const part = parts.get(PartNumber)
  return part !== undefined && crc32Of([part]) === ETag
}

function failure(name: string): S3ServiceException {
  return new S3ServiceException({ name, $fault: 'client', $metadata: { httpStatusCode: STATUS[name] ?? 412 } })
}

/** As the SDK: an aborted call rejects at once, whatever becomes of the request. */
function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const onAbort = () => reject(signal.reason)
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  return promise
}
