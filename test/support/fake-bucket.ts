import type { NewObject, ObjectStore, StoredObject } from '../../src/sink/object-store.ts'
import { Fate } from './fate.ts'

interface HeldObject extends StoredObject {
  readonly body: string
}

/** A bucket in memory. Each process of a test sees it through a store of its own. */
export class FakeBucket {
  readonly objects = new Map<string, HeldObject>()
  /** Called before each create; throws, or waits, to make it fail or last. */
  onCreate: (key: string) => void | Promise<void> = () => {}
  /** Called after each create that took effect; throws to lose the answer. */
  afterCreate: (key: string) => void = () => {}
  onAbortUploads: (key: string) => number = () => 0
  onCheck: () => void = () => {}
  creates = 0

  store(fate = new Fate()): ObjectStore {
    return {
      createIfAbsent: async (object, signal) => {
        await this.onCreate(object.key)
        if (signal.aborted) throw signal.reason
        return fate.step(() => this.#create(object))
      },
      head: (key) => fate.step(() => this.objects.get(key) ?? null),
      abortUploads: (key) => fate.step(() => this.onAbortUploads(key)),
      checkBucket: () => fate.step(() => this.onCheck()),
      close: () => {},
    }
  }

  put(key: string, body: string, metadata: Record<string, string> = {}): void {
    this.objects.set(key, { body, metadata, sizeBytes: Buffer.byteLength(body) })
  }

  get keys(): string[] {
    return [...this.objects.keys()].sort()
  }

  /** The lines of every object, or of those whose key begins so. */
  lines(prefix = ''): string[] {
    return this.keys
      .filter((key) => key.startsWith(prefix))
      .flatMap((key) => this.objects.get(key)?.body.split('\n').slice(0, -1) ?? [])
  }

  #create({ key, chunks, metadata }: NewObject): 'created' | 'exists' {
    this.creates++
    if (this.objects.has(key)) return 'exists'
    this.put(key, Buffer.concat(chunks).toString(), metadata)
    this.afterCreate(key)
    return 'created'
  }
}
