import * as z from 'zod'
import { FLUSH_REASONS } from './flush-policy.ts'
import type { Tenure } from './record-source.ts'

const VERSION = 1

const decimal = z
  .string()
  .regex(/^\d{1,19}$/)
  .transform((digits) => BigInt(digits))

/** Offsets mean something in this cluster only: MirrorMaker copies metadata beside translated offsets. */
const clusterId = z.string().min(1).max(128)

/** Where an offset was committed, and under which `spec.kafka.epoch`. */
const origin = {
  /** Absent where the broker told none, as some services that speak Kafka's protocol do not. */
  clusterId: clusterId.optional(),
  /** Absent where the broker told none. */
  topicId: z.string().max(64).optional(),
  /** Absent for 0. */
  epoch: z.int().positive().optional(),
}

/**
 * That everything before the committed offset is done, by this program. Offset tools commit no metadata, so an offset
 * without a mark was put there by somebody else.
 */
const markSchema = z.strictObject({ v: z.literal(VERSION), ...origin })

/**
 * The promise that a set will be written, kept by the group coordinator as metadata of the committed offset (the set's
 * start). Anyone with DESCRIBE on the group can read it, so it holds no field value of any event.
 */
const intentSchema = z.strictObject({
  v: z.literal(VERSION),
  /** End of the set, exclusive. */
  endOffset: decimal,
  /** Revision of the configuration that decided the set's objects; a replay uses the same. */
  revision: z.string().min(1).max(64),
  ...origin,
  objects: z.int().nonnegative(),
  records: z.int().nonnegative(),
  /** Over keys and bodies of the set's objects, so that a replay knows whether it read the same records. */
  checksum: z.string().regex(/^[0-9a-f]{8}$/),
  /** Of the leader that appended the set's last record; absent where unknown. Tells of a set whose beginning has expired whether the rest is the same. */
  leaderEpoch: z.int().nonnegative().optional(),
  reason: z.enum(FLUSH_REASONS),
})

export type Mark = Omit<z.infer<typeof markSchema>, 'v'>
export type Intent = Omit<z.infer<typeof intentSchema>, 'v'>

/** What is committed beside an offset. `none`: nothing, so it is not ours. */
export type CommitMetadata =
  | { readonly kind: 'none' }
  | ({ readonly kind: 'mark' } & Mark)
  | ({ readonly kind: 'intent'; readonly intent: Intent } & Mark)

/** Commit metadata that this program did not write, or wrote for another cluster or in a newer version. */
export class ForeignMetadataError extends Error {
  override readonly name = 'ForeignMetadataError'
}

/** Commit metadata for an intent: one line of ASCII, under 1 KiB (`offset.metadata.max.bytes` is 4,096 by default). */
export function encodeIntent(intent: Intent): string {
  return JSON.stringify({ v: VERSION, ...intent, endOffset: String(intent.endOffset) })
}

/** Commit metadata for an offset before which everything is done. */
export function encodeMark(mark: Mark): string {
  return JSON.stringify({ v: VERSION, ...mark })
}

/** What a tenure commits, by whom and where. */
export function markOf({ clusterId, topicId }: Pick<Tenure, 'clusterId' | 'topicId'>, epoch: number): Mark {
  return { ...(clusterId === '' ? {} : { clusterId }), topicId, ...(epoch > 0 ? { epoch } : {}) }
}

/** @throws ForeignMetadataError for anything that is neither empty nor written by this program */
export function decodeCommitMetadata(metadata: string): CommitMetadata {
  if (metadata === '') return { kind: 'none' }
  const json = jsonOrNull(metadata)
  const mark = markSchema.safeParse(json)
  if (mark.success) return { kind: 'mark', ...originOf(mark.data) }
  const parsed = intentSchema.safeParse(json)
  if (!parsed.success) throw new ForeignMetadataError(`commit metadata is not ours: ${excerpt(metadata)}`)
  const { v: _, ...intent } = parsed.data
  return { kind: 'intent', ...originOf(intent), intent }
}

function originOf({ clusterId, topicId, epoch }: Mark): Mark {
  return { clusterId, topicId, epoch }
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function excerpt(text: string): string {
  const printable = text.replace(/[^\x20-\x7e]/g, '?')
  return printable.length > 80 ? `${printable.slice(0, 80)}…` : printable
}
