import { describeError } from '../lib/errors.ts'
import { type CommitMetadata, decodeCommitMetadata, type Intent } from './commit-metadata.ts'
import type { Plan } from './plan.ts'
import { type CommittedOffset, TopicRecreatedError } from './record-source.ts'
import { NEW_PLACE } from './stop-reasons.ts'

/** What a tenure does first. */
export type Beginning =
  | { readonly kind: 'read'; readonly from: bigint | 'earliest' | 'latest' }
  /** A predecessor promised [from, intent.endOffset) and may have written some of it: read it again, write the same. */
  | { readonly kind: 'replay'; readonly from: bigint; readonly intent: Intent; readonly plan: Plan }
  /** Going on could lose or double records: a person must look. */
  | { readonly kind: 'stop'; readonly error: string }

export interface BeginningContext {
  readonly committed: CommittedOffset
  readonly clusterId: string
  readonly topicId?: string | undefined
  readonly startFrom: 'earliest' | 'latest'
  /**
   * `spec.kafka.epoch`: from 1 on, offsets that somebody else committed are where to begin; another one than before lets a topic
   * that was created again be read from its beginning.
   */
  readonly epoch: number
  /** The plan of a mounted revision, null where it is not mounted. */
  readonly planOf: (revision: string) => Plan | null
}

/** Decides from the committed offset and its metadata how a tenure begins. Never resets anything. */
export function beginningOf(context: BeginningContext): Beginning {
  const { committed, clusterId, topicId, startFrom, epoch } = context
  const { offset } = committed
  let found: CommitMetadata
  try {
    found = decodeCommitMetadata(committed.metadata)
  } catch (error) {
    return stop(`${describeError(error)}. ${NEW_PLACE}`)
  }
  if (found.kind === 'none' && offset >= 0n && epoch === 0) return stop(movedByHand(offset))
  if (found.kind !== 'none' && found.clusterId !== undefined && found.clusterId !== clusterId)
    return stop(
      `offset ${offset} was committed in Kafka cluster ${found.clusterId}, this is ${clusterId || 'one that tells no id'}. ${NEW_PLACE}`,
    )
  if (found.kind !== 'none' && found.topicId !== undefined && topicId !== undefined && found.topicId !== topicId)
    return epoch === (found.epoch ?? 0)
      ? stop(new TopicRecreatedError(found.topicId, topicId).message)
      : { kind: 'read', from: 'earliest' }
  if (found.kind === 'intent') return replayOf(offset, found.intent, context)
  return { kind: 'read', from: offset < 0n ? startFrom : offset }
}

function replayOf(offset: bigint, intent: Intent, { planOf }: BeginningContext): Beginning {
  if (offset < 0n || intent.endOffset <= offset)
    return stop(`the intent at offset ${offset} ends at ${intent.endOffset}, before it begins. ${NEW_PLACE}`)
  const plan = planOf(intent.revision)
  if (plan === null) return stop(withoutRevision(offset, intent.revision))
  return { kind: 'replay', from: offset, intent, plan }
}

function withoutRevision(offset: bigint, revision: string): string {
  return (
    `the intent at offset ${offset} needs revision ${revision} of the configuration, which is gone or, after a rollback, of a newer ` +
    `version of this program, which could finish it (the log says why it cannot be read). ${NEW_PLACE}`
  )
}

function movedByHand(offset: bigint): string {
  return (
    `the committed offset ${offset} is not this connector's: somebody has moved it. To go on there, set spec.kafka.epoch ` +
    'to a number that was not used before; records that are in the bucket already are then written again under new names'
  )
}

function stop(error: string): Beginning {
  return { kind: 'stop', error }
}
