/**
 * The value of every optional field of the resource that is left out. They stand here and not in the CRD's schema: a
 * default written into the stored object would show up as drift in GitOps. The field descriptions quote them.
 */
export const DEFAULTS = {
  active: true,
  replicas: 1,
  deletionPolicy: 'Retain',
  /** As in the published API. */
  customPath:
    '{eventType}/realm/{realm}/topics/{topic}/year={yyyy}/month={MM}/day={dd}/hour={hh}/minute={mm}/{topic}.json',
  customPartitionDuration: '15m',
  /** S3's smallest part. */
  partSize: 5_242_880,
  flushInterval: '5m',
  flushSize: 10_000,
  flushMemory: '32Mi',
  format: 'ndjson',
  timestampSource: 'record',
  requestChecksumCalculation: 'when_supported',
  startFrom: 'earliest',
  epoch: 0,
  /** Twice `flushMemory`, so that one chunk can go up while the next one grows. */
  bufferBytes: 67_108_864,
} as const

/** Consumer group of a connector that names none: one per connector, so that no two share offsets. */
export function defaultGroupId({ namespace, name }: { namespace: string; name: string }): string {
  return `analytics-connector.${namespace}.${name}`
}
