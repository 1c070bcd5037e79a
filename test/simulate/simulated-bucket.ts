import type { NewObject, ObjectMetadata, ObjectStore, StoredObject } from '../../src/sink/object-store.ts'
import { S3Error } from '../../src/sink/s3-errors.ts'
import type { CallOptions, Fates, Life, World } from './world.ts'

export interface HeldObject extends StoredObject {
  readonly body: Buffer
}

const TIMEOUT_MS = 20_000

/** The bucket, strongly consistent as S3 is. A write may land long after its writer has died. */
export class SimulatedBucket {
  readonly objects = new Map<string, HeldObject>()
  /** Keys that were written over; only a bucket without conditional writes does that. */
  readonly overwritten: string[] = []
  readonly #world: World
  readonly #fates: Fates
  /** Whether `If-None-Match` is honoured. */
  readonly #isConditional: boolean

  constructor(world: World, fates: Fates, isConditional = true) {
    this.#world = world
    this.#fates = fates
    this.#isConditional = isConditional
  }

  /** The bucket as one process reaches it. */
  storeOf(life: Life): ObjectStore {
    const options: CallOptions = {
      fates: this.#fates,
      timeoutMs: TIMEOUT_MS,
      refusal: () => new S3Error(this.#world.random.pick(['SlowDown', 'ConditionalRequestConflict']), 'passing', 'S3'),
    }
    const call = <T>(label: string, effect: () => T, signal: AbortSignal) =>
      unlessAborted(this.#world.call(life, label, effect, options), signal)
    return {
      createIfAbsent: ({ key, chunks, metadata }: NewObject, signal) => {
        const body = Buffer.concat(chunks)
        return call(`PUT ${key}`, () => this.#create(life, key, body, metadata), signal)
      },
      head: (key, signal) => call(`HEAD ${key}`, () => this.objects.get(key) ?? null, signal),
      checkBucket: (signal) => call('LIST', () => {}, signal),
      close: () => {},
    }
  }

  #create(life: Life, key: string, body: Buffer, metadata: ObjectMetadata): 'created' | 'exists' {
    const existing = this.objects.get(key)
    this.#world.note(life.name, `PUT ${key} ${existing ? 'finds it there' : `creates ${body.length} bytes`}`)
    if (existing && this.#isConditional) return 'exists'
    if (existing && !existing.body.equals(body)) this.overwritten.push(key)
    this.objects.set(key, { body, metadata, sizeBytes: body.length })
    return 'created'
  }
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
