import { type CompiledTemplate, compileTemplate } from '../contract/path-template.ts'
import { revisionOf, type SinkConfig } from '../contract/sink-config.ts'
import type { BodyFormat } from './encode/body-encoder.ts'
import { asOneLine, type Envelope, envelopeFieldsOf, readEnvelope } from './envelope.ts'
import { readEventTime } from './event-time.ts'
import { type TopicFilter, topicFilter } from './filter.ts'
import type { SourceRecord } from './record-source.ts'
import { type RejectReason, rejectsKey } from './rejects.ts'

/** Where one record goes. `line` may be the record's own value: lent, not copied. */
export type Route =
  | { readonly kind: 'object'; readonly path: string; readonly line: Buffer }
  | { readonly kind: 'reject'; readonly reason: RejectReason }
  | { readonly kind: 'filtered' }

/** What the key of an object is made of, beside its path. */
export interface SetStart {
  readonly topic: string
  readonly partition: number
  readonly startOffset: bigint
}

/**
 * One revision of the configuration as it applies to records. Pure: where a record goes, and under which key, follows
 * from the record, the start of its set and this revision alone, so a replay under the same revision writes the same.
 */
export interface Plan {
  readonly revision: string
  readonly bodyFormat: BodyFormat
  route(topic: string, record: SourceRecord): Route
  keyOf(path: string, start: SetStart): string
  rejectsKeyOf(start: SetStart): string
}

/** Distinct paths of one topic that are kept rendered: more namespaces, event names and time partitions than are written to at once. */
const MOST_CACHED_PATHS = 10_000

/** @throws {PathTemplateError} for a template that the resource's validation would have refused */
export function compilePlan(config: SinkConfig): Plan {
  const { template, partitionDurationMs, timestampSource } = config.path
  const compiled = compileTemplate(template, partitionDurationMs, config)
  const fields = envelopeFieldsOf(config.eventType)
  const rules = new Map<string, TopicRules>()
  const rulesOf = (topic: string) => {
    const known =
      rules.get(topic) ?? new TopicRules(topic, topicFilter(config.filter, topic), compiled, timestampSource)
    rules.set(topic, known)
    return known
  }
  return {
    revision: revisionOf(config),
    bodyFormat: { format: config.format, compression: config.compression, eventType: config.eventType },
    route: (topic, { value, timestampMs }) => {
      if (value === null || value.length === 0) return { kind: 'reject', reason: 'tombstone' }
      const envelope = readEnvelope(value, fields)
      if (typeof envelope === 'string') return { kind: 'reject', reason: envelope }
      return rulesOf(topic).route(envelope, timestampMs, value)
    },
    keyOf: (path, start) => compiled.keyFor(path, start),
    rejectsKeyOf: ({ topic, partition, startOffset }) => rejectsKey(config.connector, topic, partition, startOffset),
  }
}

class TopicRules {
  readonly #topic: string
  readonly #filter: TopicFilter
  readonly #template: CompiledTemplate
  readonly #timestampSource: SinkConfig['path']['timestampSource']
  readonly #paths = new Map<string, string>()

  constructor(
    topic: string,
    filter: TopicFilter,
    template: CompiledTemplate,
    timestampSource: SinkConfig['path']['timestampSource'],
  ) {
    this.#topic = topic
    this.#filter = filter
    this.#template = template
    this.#timestampSource = timestampSource
  }

  route(envelope: Envelope, recordTimestampMs: number, value: Buffer): Route {
    const { namespace, eventName } = envelope
    const needsNamespace = this.#filter.needsNamespace || this.#template.needsNamespace
    if (namespace === null && needsNamespace) return { kind: 'reject', reason: 'no_namespace' }
    if (!this.#filter.wants(namespace)) return { kind: 'filtered' }
    if (eventName === null && this.#template.needsEventName) return { kind: 'reject', reason: 'no_event_name' }
    const timestampMs = this.#timestampMs(envelope, recordTimestampMs)
    if (timestampMs === null) return { kind: 'reject', reason: 'bad_timestamp' }
    return { kind: 'object', path: this.#pathOf(namespace ?? '', eventName ?? '', timestampMs), line: asOneLine(value) }
  }

  #timestampMs({ timestamp }: Envelope, recordTimestampMs: number): number | null {
    if (this.#timestampSource === 'record') return recordTimestampMs
    return timestamp === null ? null : (readEventTime(timestamp)?.timestampMs ?? null)
  }

  /** Rendering costs more than everything else about a record, and nearly all records share a path with an earlier one. */
  #pathOf(namespace: string, eventName: string, timestampMs: number): string {
    const { needsNamespace, needsEventName, partitionStartMs } = this.#template
    const values = [partitionStartMs(timestampMs), needsNamespace ? namespace : '', needsEventName ? eventName : '']
    const cacheKey = values.join('\0')
    const known = this.#paths.get(cacheKey)
    if (known !== undefined) return known
    const path = this.#template.pathFor({ namespace, topic: this.#topic, eventName, timestampMs })
    if (this.#paths.size >= MOST_CACHED_PATHS) this.#paths.clear()
    this.#paths.set(cacheKey, path)
    return path
  }
}
