import type { Pod } from '../kube/kinds.ts'
import { EXIT_CODES } from '../lib/lifecycle.ts'
import { connectorKeyOf } from './cache.ts'
import { CONTAINER_NAME } from './desired/deployment.ts'
import { endOf } from './pod-problem.ts'

const WELL = 'everything buffered was written and committed'

/**
 * How the sinks of each connector ended since one delivered last. A sink to which S3 or Kafka does not answer is ended before it has written
 * everything, and the last that is heard of its pod is when it goes: so it is noted here.
 */
export class Endings {
  /** By the connector's key, in words; undefined where one of several sinks went that nobody saw end. */
  readonly #words = new Map<string, string | undefined>()

  /** Takes every state of every pod, the last one of one that is gone too. */
  note(pod: Pod, isGone = false): void {
    const key = connectorKeyOf(pod)
    const { name, deletionTimestamp } = pod.metadata ?? {}
    const state = pod.status?.containerStatuses?.find((each) => each.name === CONTAINER_NAME)?.state
    const ended = state?.terminated
    if (key === undefined) return
    // Its node is gone, or somebody removed it by force.
    if (isGone && state?.running && (this.#words.get(key) ?? WELL) === WELL) this.#words.set(key, undefined)
    // The kubelet tells an exit code of a container that never started, too.
    const hasRun = Date.parse(ended?.startedAt ?? '') > 0
    if (deletionTimestamp === undefined || !ended || !hasRun) return
    // Told to end while it was loaded: it held nothing. Who drains is told once, and has another exit code.
    if (ended.exitCode === EXIT_CODES.SIGTERM) return
    if (ended.exitCode !== 0) this.#words.set(key, `pod ${name} could not write everything (${endOf(ended)})`)
    else if (!this.#words.has(key)) this.#words.set(key, WELL)
  }

  /** Undefined where nobody saw it: none has run, this process began later, or a node took a sink along. */
  of(connectorKey: string): string | undefined {
    return this.#words.get(connectorKey)
  }

  /** A sink delivers, and finishes what others had begun; or the connector is gone. */
  forget(connectorKey: string): void {
    this.#words.delete(connectorKey)
  }
}
