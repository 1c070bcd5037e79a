import { type Api, messageOf } from './api.ts'
import { apiTime, type Pod } from './pod.ts'

interface Recorded {
  readonly path: string
  count: number
}

/** Events wait while the API server is away; beyond this many the newest are dropped, as they are for people only. */
const MAX_WAITING = 200

/** Writes the events that `kubectl describe pod` shows, one after another; the same event again raises its count. */
export class EventRecorder {
  readonly #api: Api
  readonly #nodeName: string
  readonly #log: (line: string) => void
  readonly #recorded = new Map<string, Recorded>()
  #waiting = 0
  #last: Promise<void> = Promise.resolve()

  constructor(api: Api, nodeName: string, log: (line: string) => void) {
    this.#api = api
    this.#nodeName = nodeName
    this.#log = log
  }

  record(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void {
    if (this.#waiting >= MAX_WAITING) return
    this.#waiting += 1
    this.#last = this.#last
      .then(() => this.#write(pod, type, reason, message))
      .catch((error: unknown) =>
        this.#log(`event ${reason} of pod ${pod.metadata.name} not written: ${messageOf(error)}`),
      )
      .finally(() => {
        this.#waiting -= 1
      })
  }

  async #write(pod: Pod, type: string, reason: string, message: string): Promise<void> {
    const { name, namespace, uid } = pod.metadata
    const key = `${uid} ${reason} ${message}`
    const lastTimestamp = apiTime(Date.now())
    const known = this.#recorded.get(key)
    if (known) {
      known.count += 1
      await this.#api.call('PATCH', known.path, { count: known.count, lastTimestamp })
      return
    }
    const events = `/api/v1/namespaces/${namespace}/events`
    const event = await this.#api.call<{ metadata: { name: string } }>('POST', events, {
      metadata: { generateName: `${name}.` },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', name, namespace, uid },
      source: { component: 'kubelet', host: this.#nodeName },
      type,
      reason,
      message: message.slice(0, 1024),
      firstTimestamp: lastTimestamp,
      lastTimestamp,
      count: 1,
    })
    this.#recorded.set(key, { path: `${events}/${event.metadata.name}`, count: 1 })
  }
}
