import { describeError } from '../lib/errors.ts'
import { decodeIntent, type Intent } from './intent.ts'
import type { Plan } from './plan.ts'
import type { CommittedOffset } from './record-source.ts'

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
  readonly startFrom: 'earliest' | 'latest'
  /** The plan of a mounted revision, null where it is not mounted. */
  readonly planOf: (revision: string) => Plan | null
}

/** Decides from the committed offset and its metadata how a tenure begins. Never resets anything. */
export function beginningOf({ committed, clusterId, startFrom, planOf }: BeginningContext): Beginning {
  const { offset, metadata } = committed
  let intent: Intent | null
  try {
    intent = decodeIntent(metadata)
  } catch (error) {
    return stop(describeError(error))
  }
  if (intent === null) return { kind: 'read', from: offset < 0n ? startFrom : offset }
  if (intent.clusterId !== clusterId)
    return stop(`the intent at offset ${offset} was made in Kafka cluster ${intent.clusterId}, this is ${clusterId}`)
  if (offset < 0n || intent.endOffset <= offset)
    return stop(`the intent at offset ${offset} ends at ${intent.endOffset}, before it begins`)
  const plan = planOf(intent.revision)
  if (plan === null)
    return stop(`the intent at offset ${offset} needs revision ${intent.revision} of the configuration, which is gone`)
  return { kind: 'replay', from: offset, intent, plan }
}

function stop(error: string): Beginning {
  return { kind: 'stop', error }
}
