import { decodeCommitMetadata, encodeMark } from '../../src/sink/commit-metadata.ts'
import type { FakeBucket } from '../support/fake-bucket.ts'
import { CLUSTER_ID, type ScriptedPartition } from '../support/scripted-source.ts'
import { SinkProcess, sinkConfig } from '../support/sink-process.ts'

/** A sink's configuration with these limits of an object; what is left out is beyond what a test reads. */
export const flush = (limits: { events?: number; bytes?: number; intervalMs?: number }) =>
  sinkConfig({ flush: { intervalMs: 60_000, events: 1_000, bytes: 1_000_000, ...limits } })

/** What is committed where nothing is promised. */
export const DONE = encodeMark({ clusterId: CLUSTER_ID })

export const intentIn = (metadata: string) => {
  const found = decodeCommitMetadata(metadata)
  return found.kind === 'intent' ? found.intent : null
}
export const intentOf = (log: ScriptedPartition) => intentIn(log.committed.metadata)

/** Of the object of partition 3 that begins at this offset. */
export const keyAt = (start: number) =>
  `events/login/1200@analytics_game_telemetry.dev.acme.login-00003-${String(start).padStart(20, '0')}.json`

/** Each log is read by a process of its own, which promises a set and writes nothing of it. */
export async function dieWithIntents(
  logs: readonly ScriptedPartition[],
  bucket: FakeBucket,
  config: ReturnType<typeof sinkConfig>,
): Promise<void> {
  bucket.onCreate = () => new Promise(() => {})
  for (const log of logs) {
    const pod = new SinkProcess(bucket, { config })
    void (await pod.source.assign(log)).feed()
    await pod.settle()
  }
  bucket.onCreate = () => {}
}
