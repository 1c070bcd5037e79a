import type { CompiledTemplate } from '../contract/path-template.ts'
import type { SinkConfig } from '../contract/sink-config.ts'
import { type Envelope, type EnvelopeFields, isOneLine, readEnvelope } from './envelope.ts'
import { EnvelopeScan } from './envelope-scan.ts'
import { readEventTime, usualEventTimeMs } from './event-time.ts'
import type { TopicFilter } from './filter.ts'
import type { Route } from './plan.ts'
import type { SourceRecord } from './record-source.ts'
import { RouteCache, RouteKey, type RouteRoom } from './route-cache.ts'

const TOMBSTONE: Route = { kind: 'reject', reason: 'tombstone' }

/** Of the record that is being routed. One for all topics: each would keep the bytes that its last record was in, a decompressed batch. */
const KEY = new RouteKey()

/** What is the same for all topics of a plan. */
export interface TopicRulesParts {
  readonly template: CompiledTemplate
  readonly timestampSource: SinkConfig['path']['timestampSource']
  readonly fields: EnvelopeFields
  readonly routeRoom: RouteRoom
}

/** Where the records of one topic go. */
export class TopicRules {
  readonly #topic: string
  readonly #filter: TopicFilter
  readonly #parts: TopicRulesParts
  readonly #needsNamespace: boolean
  readonly #scan: EnvelopeScan
  readonly #oneLine: RouteCache
  readonly #severalLines: RouteCache

  constructor(topic: string, filter: TopicFilter, parts: TopicRulesParts) {
    this.#topic = topic
    this.#filter = filter
    this.#parts = parts
    this.#needsNamespace = filter.needsNamespace || parts.template.needsNamespace
    this.#oneLine = new RouteCache(parts.routeRoom)
    this.#severalLines = new RouteCache(parts.routeRoom)
    const { namespace, eventName, timestamp } = parts.fields
    this.#scan = new EnvelopeScan([namespace, eventName, timestamp])
  }

  /** Nearly all records go where others went before: then this reads bytes and makes nothing. */
  route(record: SourceRecord): Route {
    const { bytes, valueAt, valueLength } = record
    if (valueLength <= 0) return TOMBSTONE
    if (!this.#scan.scan(bytes, valueAt, valueLength)) return this.#routeParsed(record)
    const timestampMs = this.#timestampMs(record)
    if (timestampMs === null) return this.#routeParsed(record)
    const key = this.#keyFor(record, timestampMs)
    const cache = this.#scan.hasLineBreak ? this.#severalLines : this.#oneLine
    const known = cache.find(key)
    if (known !== undefined) return known
    const route = this.#routeParsed(record)
    cache.add(key, route)
    return route
  }

  /** What needs no looking at is left out, so that it does not tell routes apart. */
  #keyFor({ bytes, valueAt }: SourceRecord, timestampMs: number): RouteKey {
    const { template } = this.#parts
    const [key, scan] = [KEY, this.#scan]
    key.bytes = bytes
    key.namespaceAt = valueAt + scan.atOf(NAMESPACE)
    key.namespaceLength = this.#needsNamespace ? scan.lengthOf(NAMESPACE) || NO_TEXT : NO_TEXT
    key.eventNameAt = valueAt + scan.atOf(EVENT_NAME)
    key.eventNameLength = template.needsEventName ? scan.lengthOf(EVENT_NAME) || NO_TEXT : NO_TEXT
    key.partitionStartMs = template.partitionStartMs(timestampMs)
    return key
  }

  #timestampMs({ bytes, valueAt, timestampMs }: SourceRecord): number | null {
    if (this.#parts.timestampSource === 'record') return timestampMs
    const length = this.#scan.lengthOf(TIMESTAMP)
    const at = valueAt + this.#scan.atOf(TIMESTAMP)
    if (length <= 0) return null
    const usual = usualEventTimeMs(bytes, at, length)
    if (!Number.isNaN(usual)) return usual
    return readEventTime(bytes.toString('latin1', at, at + length))?.timestampMs ?? null
  }

  #routeParsed({ value, timestampMs }: SourceRecord): Route {
    if (value === null) return TOMBSTONE
    const envelope = readEnvelope(value, this.#parts.fields)
    if (typeof envelope === 'string') return { kind: 'reject', reason: envelope }
    return this.#routeOf(envelope, timestampMs, isOneLine(value))
  }

  #routeOf(envelope: Envelope, recordTimestampMs: number, isOneLine: boolean): Route {
    const { namespace, eventName } = envelope
    const { template, timestampSource } = this.#parts
    if (namespace === null && this.#needsNamespace) return { kind: 'reject', reason: 'no_namespace' }
    if (!this.#filter.wants(namespace)) return { kind: 'filtered' }
    if (eventName === null && template.needsEventName) return { kind: 'reject', reason: 'no_event_name' }
    const timestampMs = timestampSource === 'record' ? recordTimestampMs : eventTimestampMs(envelope)
    if (timestampMs === null) return { kind: 'reject', reason: 'bad_timestamp' }
    const names = { namespace: namespace ?? '', eventName: eventName ?? '' }
    return { kind: 'object', path: template.pathFor({ ...names, topic: this.#topic, timestampMs }), isOneLine }
  }
}

const [NAMESPACE, EVENT_NAME, TIMESTAMP] = [0, 1, 2]
const NO_TEXT = -1

function eventTimestampMs({ timestamp }: Envelope): number | null {
  return timestamp === null ? null : (readEventTime(timestamp)?.timestampMs ?? null)
}
