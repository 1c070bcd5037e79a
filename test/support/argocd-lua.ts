import { type LuaEngine, LuaFactory } from 'wasmoon'

/** What Argo CD makes of a resource. Source: argoproj/argo-cd, util/lua and resource_customizations. */
export interface HealthStatus {
  readonly status: 'Healthy' | 'Progressing' | 'Degraded' | 'Suspended'
  readonly message: string
}

export type Discovered = Readonly<Record<string, { readonly disabled?: boolean }>>

/**
 * Runs Argo CD's scripts as it does: the resource is the global `obj`, a table, and what the script returns counts. The language
 * here is Lua 5.4, in Argo CD 5.1: scripts must keep to what both have.
 */
export class ArgoLua {
  readonly #engine: LuaEngine

  private constructor(engine: LuaEngine) {
    this.#engine = engine
  }

  static async open(): Promise<ArgoLua> {
    // Tables instead of proxies: ipairs counts a proxy's elements from 0.
    return new ArgoLua(await new LuaFactory().createEngine({ enableProxy: false }))
  }

  run<T>(script: string, obj: object): T {
    this.#engine.global.set('obj', withoutNulls(obj))
    return this.#engine.doStringSync(script) as T
  }

  close(): void {
    this.#engine.global.close()
  }
}

/** As they reach a script of Argo CD: a null is nil, and so an absent field. */
function withoutNulls(value: object): object {
  return JSON.parse(JSON.stringify(value, (_key, each) => (each === null ? undefined : each)))
}
