import { compileTemplate } from '../contract/path-template.ts'
import { revisionOf, type SinkConfig } from '../contract/sink-config.ts'
import type { BodyFormat } from './encode/body-encoder.ts'
import { envelopeFieldsOf } from './envelope.ts'
import { topicFilter } from './filter.ts'
import type { SourceRecord } from './record-source.ts'
import { type RejectReason, rejectsKey } from './rejects.ts'
import { TopicRules } from './topic-rules.ts'

/** Where one record goes; routes are shared between records. `isOneLine`: the value can be written as a line as it is. */
export type Route =
  | { readonly kind: 'object'; readonly path: string; readonly isOneLine: boolean }
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

/** @throws {PathTemplateError} for a template that the resource's validation would have refused */
export function compilePlan(config: SinkConfig): Plan {
  const { template, partitionDurationMs, timestampSource } = config.path
  const compiled = compileTemplate(template, partitionDurationMs, config)
  const parts = { template: compiled, timestampSource, fields: envelopeFieldsOf(config.eventType) }
  const rules = new Map<string, TopicRules>()
  const rulesOf = (topic: string) => {
    const created = new TopicRules(topic, topicFilter(config.filter, topic), parts)
    rules.set(topic, created)
    return created
  }
  return {
    revision: revisionOf(config),
    bodyFormat: { format: config.format, compression: config.compression, eventType: config.eventType },
    route: (topic, record) => (rules.get(topic) ?? rulesOf(topic)).route(record),
    keyOf: (path, start) => compiled.keyFor(path, start),
    rejectsKeyOf: ({ topic, partition, startOffset }) => rejectsKey(config.connector, topic, partition, startOffset),
  }
}
