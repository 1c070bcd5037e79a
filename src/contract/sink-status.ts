import * as z from 'zod'

/** A Kafka offset or the number after one: digits, as it may be beyond what a JSON number holds exactly. */
const offset = z.string().regex(/^\d{1,19}$/)

/**
 * What was gone from Kafka before it could be delivered, since this process started. A sink reports a range before it
 * commits where the range ends. When it dies or loses the partition in between, the next owner finds the range again, with the same or an
 * earlier `from` and the same or a later `to`: whoever adds up what several sinks say counts offsets of one partition that overlap once.
 */
const lostSchema = z.object({
  /**
   * Offsets in all ranges, also in those that are not shown. As many records, less the offsets that had none: transaction
   * markers, and what compaction had removed.
   */
  offsets: z.int(),
  /** The newest 1,000, oldest first. The log has all. */
  ranges: z.array(
    z.object({
      topic: z.string(),
      partition: z.int(),
      /** The first offset that was not delivered. */
      from: offset,
      /** The first offset that was still there. */
      to: offset,
      /** RFC 3339: when it was noticed. */
      at: z.string(),
      /** `expired`: removed by retention, or by somebody who deleted records. */
      reason: z.enum(['expired']),
    }),
  ),
})

/**
 * What a sink's `GET /status` answers, and all that the operator knows about it.
 * STARTING: checks what it needs (bucket, Kafka, configuration) and joins the consumer group. ACTIVE: delivering (or nothing to deliver). STOPPING: drains
 * after SIGTERM. FAILED: not delivering, retrying; `error` says why in one line that a person can act on.
 */
export const sinkStatusSchema = z.object({
  connector: z.string(),
  revision: z.string(),
  state: z.enum(['STARTING', 'ACTIVE', 'STOPPING', 'FAILED']),
  /** Null unless FAILED. */
  error: z.string().nullable(),
  /** RFC 3339: when `state` or `error` last changed. */
  since: z.string(),
  /** Partitions held now. */
  partitions: z.int(),
  /** Partitions of all topics of the connector, whoever holds them; null until known. Absent from sinks of earlier versions. */
  topicPartitions: z.int().nullable().default(null),
  /** Records behind the high watermark over the held partitions; null until every one was fetched once. */
  lag: z.int().nullable(),
  /** Since the process started. read = delivered + rejected + filtered + still buffered. */
  records: z.object({ read: z.int(), delivered: z.int(), rejected: z.int(), filtered: z.int() }),
  objects: z.int(),
  bytes: z.int(),
  /** Absent from sinks of earlier versions. */
  lost: lostSchema.default({ offsets: 0, ranges: [] }),
})

export type SinkStatus = z.infer<typeof sinkStatusSchema>
