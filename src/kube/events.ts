import type { Clock } from '../lib/clock.ts'
import { describeError } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import { putLast } from '../lib/put-last.ts'
import type { KubeApi } from './api.ts'
import { isNamespaceTerminating } from './errors.ts'
import { EVENTS, type Kind, type KubeObject } from './kinds.ts'
import { microTime } from './micro-time.ts'

/**
 * Events of one object that are written at once, and how long it takes until there may be one more: what goes to and fro for hours
 * does not fill etcd. Source: client-go, EventSourceObjectSpamFilter.
 */
const BURST = 25
const ONE_MORE_AFTER_MS = 300_000
/** Objects whose Events are counted; beyond, the one that had none for the longest time is forgotten. */
const MAX_COUNTED = 4096
/** Longest note that the API server accepts (events.k8s.io/v1): it says characters, and counts bytes. */
const MAX_NOTE_BYTES = 1024

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
  readonly clock: Pick<Clock, 'now' | 'elapsed'>
}

/** Writes Events that `kubectl describe` shows. An Event that cannot be written is logged and forgotten: it is a message, not state. */
export class EventRecorder {
  readonly #options: EventRecorderOptions
  /** By the object's uid: Events that may be written at `atMs`. */
  readonly #allowances = new Map<string, { readonly events: number; readonly atMs: number }>()

  constructor(options: EventRecorderOptions) {
    this.#options = options
  }

  async record(kind: Kind<KubeObject>, object: KubeObject, transition: Transition): Promise<void> {
    const { api, controller, instance, logger, clock } = this.#options
    const { namespace = 'default', name = '', uid = '', resourceVersion = '' } = object.metadata ?? {}
    if (!this.#take(uid)) {
      logger.debug({ object: `${namespace}/${name}`, reason: transition.reason }, 'an Event too many was left out')
      return
    }
    const at = clock.now()
    try {
      await api.create(EVENTS, {
        // As client-go names them: unique without a generated name, so that a repeated request makes no second Event.
        metadata: { namespace, name: `${name}.${at.toString(16)}${uid.slice(0, 4)}` },
        eventTime: microTime(at),
        type: transition.type,
        reason: transition.reason,
        action: transition.action,
        note: fitting(transition.note),
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

  /** Whether the object may have one more Event, which then counts. */
  #take(uid: string): boolean {
    const atMs = this.#options.clock.elapsed()
    const known = this.#allowances.get(uid) ?? { events: BURST, atMs }
    const events = Math.min(BURST, known.events + (atMs - known.atMs) / ONE_MORE_AFTER_MS)
    putLast(this.#allowances, uid, { events: events < 1 ? events : events - 1, atMs }, MAX_COUNTED)
    return events >= 1
  }
}

function fitting(note: string): string {
  // As of a stream that goes on, so that the beginning of a character at the end is left out.
  return new TextDecoder().decode(Buffer.from(note).subarray(0, MAX_NOTE_BYTES), { stream: true })
}
