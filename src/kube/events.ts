import { describeError } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import type { KubeApi } from './api.ts'
import { isNamespaceTerminating } from './errors.ts'
import { EVENTS, type Kind, type KubeObject } from './kinds.ts'
import { microTime } from './micro-time.ts'

/** Longest note that the API server accepts (events.k8s.io/v1). */
const MAX_NOTE = 1024

export interface Transition {
  readonly type: 'Normal' | 'Warning'
  /** CamelCase, for machines. */
  readonly reason: string
  /** What the operator was doing. */
  readonly action: string
  /** For people. */
  readonly note: string
}

export interface EventRecorderOptions {
  readonly api: Pick<KubeApi, 'create'>
  /** Name of the program, such as `analytics-connector.io/operator`. */
  readonly controller: string
  /** Name of this process. */
  readonly instance: string
  readonly logger: Logger
  readonly now: () => number
}

/** Writes Events that `kubectl describe` shows. An Event that cannot be written is logged and forgotten: it is a message, not state. */
export class EventRecorder {
  readonly #options: EventRecorderOptions

  constructor(options: EventRecorderOptions) {
    this.#options = options
  }

  async record(kind: Kind<KubeObject>, object: KubeObject, transition: Transition): Promise<void> {
    const { api, controller, instance, logger, now } = this.#options
    const { namespace = 'default', name = '', uid = '', resourceVersion = '' } = object.metadata ?? {}
    const at = now()
    try {
      await api.create(EVENTS, {
        // As client-go names them: unique without a generated name, so that a repeated request makes no second Event.
        metadata: { namespace, name: `${name}.${at.toString(16)}${uid.slice(0, 4)}` },
        eventTime: microTime(at),
        type: transition.type,
        reason: transition.reason,
        action: transition.action,
        note: transition.note.slice(0, MAX_NOTE),
        reportingController: controller,
        reportingInstance: instance,
        regarding: { apiVersion: kind.apiVersion, kind: kind.kind, namespace, name, uid, resourceVersion },
      })
    } catch (error) {
      if (isNamespaceTerminating(error)) return
      logger.warn(
        { object: `${namespace}/${name}`, reason: transition.reason, error: describeError(error) },
        'cannot write an Event',
      )
    }
  }
}
