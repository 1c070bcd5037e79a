import { decodeCommitMetadata, encodeMark } from '../../src/sink/commit-metadata.ts'
import type { ObjectStore } from '../../src/sink/object-store.ts'
import type { SourceListener, Tenure } from '../../src/sink/record-source.ts'
import type { GroupCall } from './group-apis.ts'
import { claimingNothing, comparingNothing, resendingRefused, resendingUnanswered } from './group-tampering.ts'
import { keepingBuffers } from './keeping-buffers.ts'

/** One request to the group coordinator and its answer. */
export type Send = (call: GroupCall) => Promise<object>

/** How a simulated process deviates from the protocol. Ours deviates in nothing. */
export interface Design {
  /** The bucket does not know `If-None-Match`. */
  readonly overwrites?: boolean
  /** Made for each process anew, as `listener` is: what they do with one request depends on others. */
  readonly kafka?: () => (send: Send) => Send
  readonly listener?: () => (listener: SourceListener) => SourceListener
  readonly tenure?: (tenure: Tenure) => Tenure
  /** What another leader has is taken for what was there before. */
  readonly trustsLeaders?: boolean
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
  abortUploads: (key, linesBytes, signal) => store.abortUploads(key, linesBytes, signal),
  checkBucket: (signal) => store.checkBucket(signal),
  close: () => store.close(),
})

/** Whether commit metadata promises a set. */
export function isIntent(metadata: string): boolean {
  // Asked after every event of a schedule that is about to end: what it costs to parse counts.
  return metadata.includes('"endOffset"') && decodeCommitMetadata(metadata).kind === 'intent'
}

const markOf = ({ clusterId }: Tenure) => encodeMark({ clusterId })

const withCommit = (tenure: Tenure, commit: Tenure['commit']): Tenure => ({ ...tenure, commit })

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

/** Ways to do it wrong; of the first six an exhaustive model has shown that they lose or double records. */
export const BROKEN: Readonly<Record<string, Design>> = {
  'deterministic keys without an intent': { overwrites: true, tenure: withoutIntent },
  'deterministic keys without an intent, written conditionally': { tenure: withoutIntent, store: existingIsOurs },
  'the intent after the write': { tenure: withLateIntent, store: existingIsOurs },
  'a refused commit sent again under the new generation': { kafka: resendingRefused },
  'a partition that comes back with its buffers, its offset not read again': { listener: keepingBuffers },
  'a commit that timed out, sent again while it may still be queued': { kafka: resendingUnanswered },
  'buffers kept through a rebalance without proof that nobody else has touched the partition': {
    kafka: () => {
      const [claim, compare] = [claimingNothing(), comparingNothing()]
      return (send) => compare(claim(send))
    },
  },
  'a partition given on before its holder has given it up': { kafka: claimingNothing },
  'a log that another leader has is taken for the one that was read': { trustsLeaders: true },
}
