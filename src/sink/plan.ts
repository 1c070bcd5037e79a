import { type CompiledTemplate, compileTemplate, type ObjectPosition } from '../contract/path-template.ts'
import { revisionOf, type SinkConfig } from '../contract/sink-config.ts'
import type { BodyFormat } from './encode/body-encoder.ts'
import { envelopeFieldsOf } from './envelope.ts'
import { topicFilter } from './filter.ts'
import type { SourceRecord } from './record-source.ts'
import { type RejectReason, rejectsKey } from './rejects.ts'
import { RouteRoom } from './route-cache.ts'
import { TopicRules } from './topic-rules.ts'

/** Where one record goes; routes are shared between records. `isOneLine`: the value can be written as a line as it is. */
export type Route =
  | { readonly kind: 'object'; readonly path: string; readonly isOneLine: boolean }
  | { readonly kind: 'reject'; readonly reason: RejectReason }
  | { readonly kind: 'filtered' }

/** What the key of an object is made of, beside its path. */
export type SetStart = Omit<ObjectPosition, 'epoch'>

/**
 * One revision of the configuration as it applies to records. Pure: where a record goes, and under which key, follows
 * from the record, the start of its set and this revision alone, so a replay under the same revision writes the same.
 */
export interface Plan {
  readonly revision: string
  readonly bodyFormat: BodyFormat
  readonly epoch: number
  route(topic: string, record: SourceRecord): Route
  keyOf(path: string, start: SetStart): string
  rejectsKeyOf(start: SetStart): string
  /** When paths begin to show another time than they do at `nowMs`; null where they do not within a day. */
  timePartitionEndMs(nowMs: number): number | null
}

const MINUTE_MS = 60_000
const DAY_MS = 1_440 * MINUTE_MS

/** @throws {PathTemplateError} for a template that the resource's validation would have refused */
export function compilePlan(config: SinkConfig): Plan {
  const { template, partitionDurationMs, timestampSource } = config.path
  const { epoch } = config.kafka
  const compiled = compileTemplate(template, partitionDurationMs, config)
  const parts = {
    template: compiled,
    timestampSource,
    fields: envelopeFieldsOf(config.eventType),
    routeRoom: new RouteRoom(),
  }
  const rules = new Map<string, TopicRules>()
  const rulesOf = (topic: string) => {
    const created = new TopicRules(topic, topicFilter(config.filter, topic), parts)
    rules.set(topic, created)
    return created
  }
  return {
    revision: revisionOf(config),
    bodyFormat: { format: config.format, compression: config.compression, eventType: config.eventType },
    epoch,
    route: (topic, record) => (rules.get(topic) ?? rulesOf(topic)).route(record),
    keyOf: (path, start) => compiled.keyFor(path, { ...start, epoch }),
    rejectsKeyOf: (start) => rejectsKey(config.connector, { ...start, epoch }),
    timePartitionEndMs: timePartitionEnds(compiled, partitionDurationMs),
  }
}

/** The start of the first time partition of a later minute, which is the least that paths show: there can be 86,400 time partitions in a day. */
function nextShown(startMs: number, durationMs: number): number {
  const minuteMs = startMs - (startMs % MINUTE_MS) + MINUTE_MS
  return Math.ceil(minuteMs / durationMs) * durationMs
}

/** A path may show less than its time partition (`{hh}` of 15 minutes), so it is the path that is looked at. */
function timePartitionEnds(template: CompiledTemplate, durationMs: number): Plan['timePartitionEndMs'] {
  const pathAt = (timestampMs: number) =>
    template.pathFor({ namespace: 'any', topic: 'any', eventName: 'any', timestampMs })
  let last: { readonly startMs: number; readonly endMs: number | null } | null = null
  const endAfter = (startMs: number) => {
    const path = pathAt(startMs)
    for (let atMs = nextShown(startMs, durationMs); atMs <= startMs + DAY_MS; atMs = nextShown(atMs, durationMs))
      if (pathAt(atMs) !== path) return atMs
    return null
  }
  return (nowMs) => {
    const startMs = template.partitionStartMs(nowMs)
    if (last?.startMs !== startMs) last = { startMs, endMs: endAfter(startMs) }
    return last.endMs
  }
}
