import { AlikeTexts } from '../kube/alike-texts.ts'
import { type Kind, type KubeObject, keyOf } from '../kube/kinds.ts'

/** What was applied last, and what the server made of it. */
export interface Applied {
  readonly hash: string
  readonly uid: string | undefined
  readonly generation: number
}

interface Kept extends Applied {
  /** The whole of it, packed; undefined once the cache has it too. */
  readonly result: string | undefined
}

/**
 * What was applied last to each object of each connector. What the server made of it is kept packed (see `AlikeTexts`): the pass that finds it in
 * the cache, and drops it here, is minutes away while thousands of connectors change, and what JSON.parse had made of all of them was half of the heap then.
 */
export class ApplyMemory {
  /** By connector, then by kind and object. */
  readonly #kept = new Map<string, Map<string, Kept>>()
  /** By kind. */
  readonly #alike = new Map<string, AlikeTexts>()

  /** Connectors of which anything is remembered. */
  get size(): number {
    return this.#kept.size
  }

  get(connectorKey: string, kind: Kind<KubeObject>, object: KubeObject): Applied | undefined {
    return this.#kept.get(connectorKey)?.get(nameOf(kind, object))
  }

  /** What the server made of the last apply; undefined where the cache had it too at `dropResult`. */
  result<T extends KubeObject>(connectorKey: string, kind: Kind<T>, object: KubeObject): T | undefined {
    const packed = this.#kept.get(connectorKey)?.get(nameOf(kind, object))?.result
    return packed === undefined ? undefined : (JSON.parse(this.#alikeOf(kind).unpack(packed)) as T)
  }

  set(connectorKey: string, kind: Kind<KubeObject>, applied: Applied, result: KubeObject): void {
    const ofConnector = this.#kept.get(connectorKey) ?? new Map<string, Kept>()
    ofConnector.set(nameOf(kind, result), { ...applied, result: this.#alikeOf(kind).pack(JSON.stringify(result)) })
    this.#kept.set(connectorKey, ofConnector)
  }

  dropResult(connectorKey: string, kind: Kind<KubeObject>, object: KubeObject): void {
    const ofConnector = this.#kept.get(connectorKey)
    const kept = ofConnector?.get(nameOf(kind, object))
    if (kept) ofConnector?.set(nameOf(kind, object), { ...kept, result: undefined })
  }

  delete(connectorKey: string, kind: Kind<KubeObject>, object: KubeObject): void {
    this.#kept.get(connectorKey)?.delete(nameOf(kind, object))
  }

  /** Drops what is remembered of a connector that is gone. */
  forget(connectorKey: string): void {
    this.#kept.delete(connectorKey)
  }

  #alikeOf({ plural }: Kind<KubeObject>): AlikeTexts {
    const alike = this.#alike.get(plural) ?? new AlikeTexts()
    this.#alike.set(plural, alike)
    return alike
  }
}

function nameOf({ plural }: Kind<KubeObject>, object: KubeObject): string {
  return `${plural}/${keyOf(object)}`
}
