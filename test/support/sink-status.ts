import type { SinkStatus } from '../../src/contract/sink-status.ts'

/** What a sink that delivers, and has had nothing to do yet, answers. */
export function aSinkStatus(overrides: Partial<SinkStatus> = {}): SinkStatus {
  return {
    connector: 'games/events',
    revision: 'bbb',
    state: 'ACTIVE',
    error: null,
    since: '2026-03-01T11:00:00Z',
    partitions: 1,
    topicPartitions: null,
    lag: 0,
    records: { read: 0, delivered: 0, rejected: 0, filtered: 0 },
    objects: 0,
    bytes: 0,
    lost: { offsets: 0, ranges: [] },
    ...overrides,
  }
}
