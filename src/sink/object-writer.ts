import { setMaxListeners } from 'node:events'
import { type BackoffOptions, backoffMs } from '../lib/backoff.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { Slots } from '../lib/slots.ts'
import { crc32Of, sizeOf } from './byte-log.ts'
import { contentTypeOf, type Encoder, isPlain } from './encode/body-encoder.ts'
import type { ObjectMetadata, ObjectStore, StoredObject } from './object-store.ts'
import { S3Error } from './s3-errors.ts'
import type { RecordSet, SetObject } from './set.ts'
import { WriteProblems } from './write-problems.ts'

/** Objects written at once by one process, over all partitions: each may need a copy of its body while it is sent. */
const OBJECT_WRITES_AT_ONCE = 16
const RETRY: BackoffOptions = { initialMs: 200, maxMs: 15_000 }

/** A key that a set needs is taken by something that does not hold the set's records. */
export class ForeignObjectError extends Error {
  override readonly name = 'ForeignObjectError'
}

/** Hears how writing goes. */
export interface WriteListener {
  objectCreated(sizeBytes: number): void
  /** A write fails and is retried (null: it goes again). */
  problem(error: string | null): void
}

export interface ObjectWriterOptions {
  readonly store: ObjectStore
  readonly encoder: Encoder
  readonly clock: Clock
  readonly logger: Logger
  /** `<namespace>/<name>` of the custom resource. */
  readonly connector: string
  /** Rejects with what the bucket refuses. */
  readonly checkBucket: (signal: AbortSignal) => Promise<void>
}

/** A closed set as it is to be written. */
export interface WrittenSet {
  readonly set: RecordSet
  readonly objects: readonly SetObject[]
  /** Whether some of its records have expired since it was promised: an object that is there may hold more of them. */
  readonly isPartial: boolean
}

/** Makes the objects of closed sets durable. */
export class ObjectWriter {
  readonly #options: ObjectWriterOptions
  readonly #slots = new Slots(OBJECT_WRITES_AT_ONCE)

  constructor(options: ObjectWriterOptions) {
    this.#options = options
  }

  /**
   * Resolves when every object of the set is in the bucket under its key with this set's content, written now or before.
   * S3 failures are retried until `signal` aborts; then it rejects with the signal's reason.
   *
   * @returns the objects that were not created at the first attempt: one that failed may have left an upload in parts
   * @throws ForeignObjectError where a key holds anything else; nothing is overwritten
   */
  async write(written: WrittenSet, signal: AbortSignal, listener: WriteListener): Promise<SetObject[]> {
    const abandon = new AbortController()
    const either = AbortSignal.any([signal, abandon.signal])
    setMaxListeners(0, either)
    const { clock, logger } = this.#options
    const problems = new WriteProblems({ clock, logger, problem: (error) => listener.problem(error) })
    const writes = written.objects.map((object) => this.#untilDurable(written, object, either, listener, problems))
    try {
      const createdAtOnce = await Promise.all(writes)
      return written.objects.filter((_, index) => !createdAtOnce[index])
    } catch (error) {
      abandon.abort()
      throw error
    } finally {
      await Promise.allSettled(writes)
    }
  }

  /** @returns whether the first attempt has created it */
  async #untilDurable(
    written: WrittenSet,
    object: SetObject,
    signal: AbortSignal,
    listener: WriteListener,
    problems: WriteProblems,
  ): Promise<boolean> {
    for (let failures = 0; ; failures++) {
      signal.throwIfAborted()
      try {
        const createdBytes = await this.#slots.run(() => this.#createOrCompare(written, object, signal))
        if (createdBytes !== null) listener.objectCreated(createdBytes)
        problems.written(object.key)
        return failures === 0 && createdBytes !== null
      } catch (error) {
        if (signal.aborted || error instanceof ForeignObjectError) throw error
        const cause = failures === 0 ? error : await this.#causeOf(error, signal)
        signal.throwIfAborted()
        problems.failed(object.key, cause, failures)
        await sleep(this.#options.clock, backoffMs(failures, RETRY), signal)
      }
    }
  }

  /**
   * A server that refuses a large object may close the connection without having read it: the reset then overtakes its answer, each time
   * again. What it refuses without a body is the reason.
   */
  async #causeOf(error: unknown, signal: AbortSignal): Promise<unknown> {
    if (!(error instanceof S3Error) || error.isAnswer) return error
    const refusal = await this.#options.checkBucket(signal).catch((thrown: unknown) => thrown)
    return refusal instanceof S3Error && refusal.isAnswer ? refusal : error
  }

  /**
   * One attempt; encodes each time, as a body that is kept while S3 is away would be memory that nobody counts. After a
   * lost reply the key is taken by our own object: that is success, not failure.
   *
   * @returns size of the object that was created, null where it was there already
   */
  async #createOrCompare(
    { set, isPartial }: WrittenSet,
    object: SetObject,
    signal: AbortSignal,
  ): Promise<number | null> {
    // It may have waited for others: nothing is encoded for a set that has been given up meanwhile.
    signal.throwIfAborted()
    const { store, encoder, connector } = this.#options
    const { key, format } = object
    const metadata = objectMetadata(connector, set, object)
    const chunks = await encoder.encode(object.chunks, format)
    const crc32 = isPlain(format) ? object.crc32 : crc32Of(chunks)
    const body = { chunks, crc32, contentType: contentTypeOf(format) }
    const outcome = await store.createIfAbsent({ key, ...body, metadata }, signal)
    if (outcome === 'created') return sizeOf(chunks)
    const found = await store.head(key, signal)
    if (found === null) throw new Error(`object ${key} exists and does not: it is being written or deleted by somebody`)
    const difference = isPartial
      ? differenceFrom(metadata, found, SAME_SET)
      : contentDifference(metadata, object, found)
    if (difference) throw new ForeignObjectError(foreignObject(key, set.startOffset, difference))
    return null
  }
}

function foreignObject(key: string, startOffset: bigint, difference: string): string {
  return (
    `object ${key} exists and is not this set's: ${difference}. To go on, pause the connector, set its group's offset of this partition by a ` +
    `Kafka tool (${startOffset} writes all from there under new names) and set spec.kafka.epoch to a number that was not used before`
  )
}

/**
 * What proves later that an object holds exactly these records. `bytes` and `crc32` are those of the lines before they
 * are encoded, as another release of zlib, zstd or hyparquet-writer may encode the same lines in other bytes: an object
 * that it wrote is ours all the same. `revision` only informs: equal content is equal.
 */
function objectMetadata(connector: string, set: RecordSet, object: SetObject): ObjectMetadata {
  return {
    connector,
    topic: set.topic,
    partition: String(set.partition),
    'start-offset': String(set.startOffset),
    'end-offset': String(set.endOffset),
    epoch: String(set.plan.epoch),
    records: String(object.records),
    bytes: String(object.sizeBytes),
    crc32: object.crc32,
    revision: set.plan.revision,
  }
}

/** The same set under the same configuration: such an object holds every record of its path that had not expired when it was written. */
const SAME_SET = ['connector', 'topic', 'partition', 'start-offset', 'end-offset', 'revision']
const SAME_CONTENT = ['connector', 'topic', 'partition', 'start-offset', 'end-offset', 'records', 'bytes', 'crc32']

function differenceFrom(expected: ObjectMetadata, found: StoredObject, fields: readonly string[]): string {
  return fields
    .filter((name) => found.metadata[name] !== expected[name])
    .map((name) => `${name} is ${found.metadata[name] ?? 'absent'}, not ${expected[name]}`)
    .join('; ')
}

/** The size of an object that is not plain depends on who encoded it. */
function contentDifference(expected: ObjectMetadata, { sizeBytes, format }: SetObject, found: StoredObject): string {
  const size = !isPlain(format) || found.sizeBytes === sizeBytes ? '' : `size is ${found.sizeBytes}, not ${sizeBytes}`
  return [differenceFrom(expected, found, SAME_CONTENT), size].filter(Boolean).join('; ')
}
