import type { KubeApi } from '../kube/api.ts'
import { isUnavailable } from '../kube/errors.ts'
import { type ObjectRef, PODS } from '../kube/kinds.ts'
import { backoffMs } from '../lib/backoff.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import { describeError } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'

export interface OwnImageOptions {
  readonly api: Pick<KubeApi, 'get'>
  /** The operator's own pod. */
  readonly pod: ObjectRef
  readonly clock: Clock
  readonly logger: Logger
}

/** Name of the operator's container in its pod. */
const CONTAINER = 'operator'
const RETRY = { initialMs: 200, maxMs: 5_000 }

/**
 * The image of the operator's own pod. The sinks run the same program, so whoever sets the image of the operator (an
 * overlay, `kubectl set image`, an image updater) has set theirs too. An API server that is away is asked until it answers.
 *
 * @returns undefined when there is no such pod or container, as outside a cluster, and when `signal` aborts
 * @throws KubeApiError when the API server refuses
 */
export async function ownImage(options: OwnImageOptions, signal: AbortSignal): Promise<string | undefined> {
  const { api, pod, clock, logger } = options
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      const containers = (await api.get(PODS, pod))?.spec?.containers ?? []
      return containers.find(({ name }) => name === CONTAINER)?.image
    } catch (error) {
      if (!isUnavailable(error)) throw error
      logger.warn({ pod: pod.name, error: describeError(error) }, 'cannot read the image of this pod, trying again')
      await sleep(clock, backoffMs(failures, RETRY), signal)
    }
  }
  return undefined
}
