import { setTimeout as delay } from 'node:timers/promises'
import { backoffMs } from '../../../src/lib/backoff.ts'
import { type Api, isStatus, messageOf } from './api.ts'
import type { Pod } from './pod.ts'
import type { ReportedStatus } from './pod-status.ts'

const RETRY = { initialMs: 100, maxMs: 2_000 }

/** Brings the status of one pod to the API server: the newest only, when it differs from the last one written, until it is accepted. */
export class StatusWriter {
  readonly #api: Api
  readonly #path: string
  readonly #uid: string
  readonly #current: () => ReportedStatus
  readonly #log: (line: string) => void
  readonly #signal: AbortSignal
  #written = ''
  #writing: Promise<void> | undefined
  #again = false
  #gone = false

  /** @param current asked for the status at the moment of writing */
  constructor(
    api: Api,
    { metadata }: Pod,
    current: () => ReportedStatus,
    log: (line: string) => void,
    signal: AbortSignal,
  ) {
    this.#api = api
    this.#path = `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}/status`
    this.#uid = metadata.uid
    this.#current = current
    this.#log = log
    this.#signal = signal
  }

  /** Resolves when the status of now, or a newer one, has been written, the pod is gone or the signal aborted. */
  publish(): Promise<void> {
    this.#again = true
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
    return this.#writing
  }

  async #write(): Promise<void> {
    let failures = 0
    while (this.#again && !this.#gone && !this.#signal.aborted) {
      this.#again = false
      const status = this.#current()
      const text = comparable(status)
      if (text === this.#written) continue
      try {
        await this.#api.call('PATCH', this.#path, { metadata: { uid: this.#uid }, status: patchOf(status) })
        this.#written = text
        failures = 0
      } catch (error) {
        // 404: deleted; 409: another pod has the name now. Both end this pod's story at the API server.
        this.#gone = isStatus(error, 404, 409)
        if (isStatus(error, 400, 422)) {
          this.#log(`the API server refuses the status of ${this.#path}: ${messageOf(error)}`)
          continue
        }
        this.#again = true
        await delay(backoffMs(failures, RETRY), undefined, { signal: this.#signal }).catch(() => undefined)
        failures += 1
      }
    }
  }
}

/** A strategic merge would add a changed address to the old one, and keep a reason or message that no longer holds. */
function patchOf(status: ReportedStatus): unknown {
  return {
    ...status,
    podIPs: [{ $patch: 'replace' }, ...status.podIPs],
    conditions: (status.conditions ?? []).map((condition) => ({ reason: null, message: null, ...condition })),
  }
}

/** Transition times follow from the statuses; made anew each time, they would look like a change. */
function comparable(status: ReportedStatus): string {
  return JSON.stringify(status, (key, value) => (key === 'lastTransitionTime' ? undefined : value))
}
