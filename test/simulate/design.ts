import { decodeCommitMetadata, encodeMark } from '../../src/sink/commit-metadata.ts'
import type { ObjectStore } from '../../src/sink/object-store.ts'
import type { Tenure } from '../../src/sink/record-source.ts'

/** How a simulated process deviates from the protocol. Ours deviates in nothing. */
export interface Design {
  /** A commit of unknown outcome is sent again, and the tenure goes on. */
  readonly resendsUnanswered?: boolean
  /** A refused commit goes out again under the next generation, as kafkajs's own consumer does it. */
  readonly resendsRefused?: boolean
  /** Partitions that come back go on with their buffers; neither offset nor metadata is read again. */
  readonly keepsBuffers?: boolean
  /** The bucket does not know `If-None-Match`. */
  readonly overwrites?: boolean
  readonly tenure?: (tenure: Tenure) => Tenure
  readonly store?: (store: ObjectStore) => ObjectStore
}

export const OURS: Design = {}

/** Whatever is under the key is taken for what was to be written. */
const existingIsOurs = (store: ObjectStore): ObjectStore => ({
  createIfAbsent: async (object, signal) => {
    await store.createIfAbsent(object, signal)
    return 'created'
  },
  head: (key, signal) => store.head(key, signal),
  checkBucket: (signal) => store.checkBucket(signal),
  close: () => store.close(),
})

const withCommit = (tenure: Tenure, commit: Tenure['commit']): Tenure => ({
  topic: tenure.topic,
  partition: tenure.partition,
  clusterId: tenure.clusterId,
  committed: tenure.committed,
  ended: tenure.ended,
  commit,
})

/** Whether commit metadata promises a set. */
export function isIntent(metadata: string): boolean {
  return decodeCommitMetadata(metadata).kind === 'intent'
}

const markOf = ({ clusterId }: Tenure) => encodeMark({ clusterId })

const withoutIntent = (tenure: Tenure): Tenure => withCommit(tenure, (offset) => tenure.commit(offset, markOf(tenure)))

const withLateIntent = (tenure: Tenure): Tenure => {
  let promised: [bigint, string] | null = null
  return withCommit(tenure, async (offset, metadata) => {
    const written = promised
    promised = isIntent(metadata) ? [offset, metadata] : null
    if (written) await tenure.commit(...written)
    if (written || !promised) await tenure.commit(offset, markOf(tenure))
  })
}

/** Six ways to do it wrong, each of which an exhaustive model has shown to lose or double records. */
export const BROKEN: Readonly<Record<string, Design>> = {
  'deterministic keys without an intent': { overwrites: true, tenure: withoutIntent },
  'deterministic keys without an intent, written conditionally': { tenure: withoutIntent, store: existingIsOurs },
  'the intent after the write': { tenure: withLateIntent, store: existingIsOurs },
  'a refused commit sent again under the new generation': { resendsRefused: true },
  'a partition that comes back with its buffers, its offset not read again': { keepsBuffers: true },
  'a commit that timed out, sent again while it may still be queued': { resendsUnanswered: true },
}
