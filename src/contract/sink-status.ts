import * as z from 'zod'

/**
 * What a sink's `GET /status` answers, and all that the operator knows about it.
 * STARTING: checks its bucket and joins the consumer group. ACTIVE: delivering (or nothing to deliver). STOPPING: drains
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
  /** Records behind the high watermark over the held partitions; null until every one was fetched once. */
  lag: z.int().nullable(),
  /** Since the process started. read = delivered + rejected + filtered + still buffered. */
  records: z.object({ read: z.int(), delivered: z.int(), rejected: z.int(), filtered: z.int() }),
  objects: z.int(),
  bytes: z.int(),
})

export type SinkStatus = z.infer<typeof sinkStatusSchema>
