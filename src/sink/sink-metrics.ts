import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { DeliveryTimings } from './delivery.ts'
import { TenureLostError } from './record-source.ts'
import type { S3Observer } from './s3-store.ts'
import type { SinkStats } from './sink-stats.ts'

const PREFIX = 'analytics_connector_'

/** What is asked for at each scrape. */
export interface SinkGauges {
  readonly bufferedBytes: () => number
  readonly lag: () => number | null
  readonly partitions: () => number
  readonly isActive: () => boolean
}

/** Registers the sink's own counters; numbers that the hot path keeps are copied at each scrape. */
export function registerStats(register: Registry, stats: SinkStats): void {
  const total = (name: string, help: string, value: () => number) =>
    new Counter({
      name: `${PREFIX}${name}`,
      help,
      registers: [register],
      collect() {
        this.reset()
        this.inc(value())
      },
    })
  const totalBy = (name: string, help: string, label: string, values: ReadonlyMap<string, number>) =>
    new Counter({
      name: `${PREFIX}${name}`,
      help,
      labelNames: [label],
      registers: [register],
      collect() {
        this.reset()
        for (const [value, n] of values) this.inc({ [label]: value }, n)
      },
    })
  total('records_read_total', 'Records read from Kafka.', () => stats.read)
  total('records_delivered_total', 'Records in objects whose set is committed.', () => stats.delivered)
  total('records_filtered_total', 'Records that the filter does not select.', () => stats.filtered)
  total(
    'records_abandoned_total',
    'Records read but given up with their partition; its next owner reads them again.',
    () => stats.abandoned,
  )
  total(
    'offsets_lost_total',
    'Offsets that expired in Kafka before they were delivered; status and log name each range.',
    () => stats.lost.offsets,
  )
  totalBy('records_rejected_total', 'Records written to _errors/.', 'reason', stats.rejected)
  total('objects_created_total', 'Objects created in the bucket.', () => stats.objects)
  total('object_bytes_created_total', 'Bytes of the objects created.', () => stats.bytes)
  totalBy(
    'orphaned_uploads_total',
    'Uploads in parts that were left behind of a set and aborted; not_permitted, failed: objects of which some may be left.',
    'outcome',
    stats.orphanedUploads,
  )
  totalBy('flushes_total', 'Sets closed, by what closed them.', 'reason', stats.flushes)
}

export function registerGauges(register: Registry, stats: SinkStats, gauges: SinkGauges): void {
  const gauge = (name: string, help: string, value: () => number | null) =>
    new Gauge({
      name: `${PREFIX}${name}`,
      help,
      registers: [register],
      collect() {
        this.reset()
        const now = value()
        if (now === null) this.remove()
        else this.set(now)
      },
    })
  gauge('buffered_bytes', 'Memory of records that are not delivered yet.', gauges.bufferedBytes)
  gauge('lag_records', 'Records behind the high watermark over the held partitions.', gauges.lag)
  gauge('partitions', 'Partitions held.', gauges.partitions)
  gauge('active', '1 while delivering, 0 while starting, stopping or failed.', () => (gauges.isActive() ? 1 : 0))
  gauge('last_flush_timestamp_seconds', 'When a set was last committed.', () =>
    stats.lastFlushMs === null ? null : stats.lastFlushMs / 1000,
  )
}

/** Duration and failures of S3 calls. */
export function s3Metrics(register: Registry): S3Observer {
  const duration = new Histogram({
    name: `${PREFIX}s3_request_duration_seconds`,
    help: 'S3 requests, successful or not.',
    labelNames: ['operation'],
    buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30],
    registers: [register],
  })
  const errors = new Counter({
    name: `${PREFIX}s3_errors_total`,
    help: 'S3 requests that failed; PreconditionFailed: the object was there already.',
    labelNames: ['operation', 'code'],
    registers: [register],
  })
  return {
    called: (operation, durationMs, error) => {
      duration.observe({ operation }, durationMs / 1000)
      if (error) errors.inc({ operation, code: error.code })
    },
  }
}

/** How long flushes take, and how old records are when they are in the bucket. */
export function deliveryMetrics(register: Registry): DeliveryTimings {
  const flush = new Histogram({
    name: `${PREFIX}flush_duration_seconds`,
    help: 'From when a set was to be closed until its end was committed.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers: [register],
  })
  const age = new Histogram({
    name: `${PREFIX}delivery_age_seconds`,
    help: 'Since the Kafka timestamp of the first record of a set, when the end of the set was committed.',
    buckets: [0.5, 1, 2.5, 5, 10, 30, 60, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 86_400],
    registers: [register],
  })
  return {
    delivered: (flushMs, ageMs) => {
      flush.observe(flushMs / 1000)
      if (ageMs !== null) age.observe(ageMs / 1000)
    },
  }
}

/** Whether a commit promised a set, or only told that everything before its offset is done. */
export type CommitKind = 'intent' | 'final'

/** Counts commits by kind and outcome. */
export function commitMetrics(register: Registry): (kind: CommitKind, error: unknown) => void {
  const commits = new Counter({
    name: `${PREFIX}kafka_commits_total`,
    help: 'Offset commits; lost: refused, or without an answer.',
    labelNames: ['kind', 'outcome'],
    registers: [register],
  })
  return (kind, error) =>
    commits.inc({ kind, outcome: error === null ? 'ok' : error instanceof TenureLostError ? 'lost' : 'error' })
}
