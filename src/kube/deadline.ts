import type { KubeApi } from './api.ts'
import { KubeApiError } from './errors.ts'

type Calls = Pick<KubeApi, 'get' | 'list' | 'apply' | 'patch' | 'delete'>

/**
 * The same calls until `deadline` aborts: from then on every call, also one that has not been answered yet, fails as one that got
 * no answer. A request that is on its way may still take effect, which a caller has to expect of any request without an answer.
 */
export function withDeadline(api: Calls, deadline: AbortSignal): Calls {
  return {
    get: (kind, ref) => inTime(deadline, () => api.get(kind, ref)),
    list: (kind, scope, page) => inTime(deadline, () => api.list(kind, scope, page)),
    apply: (kind, object, options) => inTime(deadline, () => api.apply(kind, object, options)),
    patch: (kind, ref, patch, options) => inTime(deadline, () => api.patch(kind, ref, patch, options)),
    delete: (kind, ref, preconditions) => inTime(deadline, () => api.delete(kind, ref, preconditions)),
  }
}

/**
 * Waits for one call until `deadline` aborts.
 *
 * @throws KubeApiError DeadlineExceeded, without an answer by then; the call is not made once it has aborted
 */
export function inTime<T>(deadline: AbortSignal, call: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new KubeApiError(0, 'DeadlineExceeded', 'no answer before the deadline'))
    if (deadline.aborted) return late()
    deadline.addEventListener('abort', late, { once: true })
    call()
      .then(resolve, reject)
      .finally(() => deadline.removeEventListener('abort', late))
  })
}
