import { describeError } from '../../lib/errors.ts'

/** Error codes of the Kafka protocol that a consumer can meet, by number. Source: org.apache.kafka.common.protocol.Errors. */
const NAMES = {
  [-1]: 'UNKNOWN_SERVER_ERROR',
  1: 'OFFSET_OUT_OF_RANGE',
  2: 'CORRUPT_MESSAGE',
  3: 'UNKNOWN_TOPIC_OR_PARTITION',
  5: 'LEADER_NOT_AVAILABLE',
  6: 'NOT_LEADER_OR_FOLLOWER',
  7: 'REQUEST_TIMED_OUT',
  9: 'REPLICA_NOT_AVAILABLE',
  12: 'OFFSET_METADATA_TOO_LARGE',
  13: 'NETWORK_EXCEPTION',
  14: 'COORDINATOR_LOAD_IN_PROGRESS',
  15: 'COORDINATOR_NOT_AVAILABLE',
  16: 'NOT_COORDINATOR',
  17: 'INVALID_TOPIC_EXCEPTION',
  22: 'ILLEGAL_GENERATION',
  23: 'INCONSISTENT_GROUP_PROTOCOL',
  24: 'INVALID_GROUP_ID',
  25: 'UNKNOWN_MEMBER_ID',
  26: 'INVALID_SESSION_TIMEOUT',
  27: 'REBALANCE_IN_PROGRESS',
  28: 'INVALID_COMMIT_OFFSET_SIZE',
  29: 'TOPIC_AUTHORIZATION_FAILED',
  30: 'GROUP_AUTHORIZATION_FAILED',
  31: 'CLUSTER_AUTHORIZATION_FAILED',
  35: 'UNSUPPORTED_VERSION',
  56: 'KAFKA_STORAGE_ERROR',
  68: 'NON_EMPTY_GROUP',
  69: 'GROUP_ID_NOT_FOUND',
  74: 'FENCED_LEADER_EPOCH',
  75: 'UNKNOWN_LEADER_EPOCH',
  76: 'UNSUPPORTED_COMPRESSION_TYPE',
  78: 'OFFSET_NOT_AVAILABLE',
  79: 'MEMBER_ID_REQUIRED',
  81: 'GROUP_MAX_SIZE_REACHED',
  82: 'FENCED_INSTANCE_ID',
  88: 'UNSTABLE_OFFSET_COMMIT',
} as const

export type KafkaErrorName = (typeof NAMES)[keyof typeof NAMES]

/** A broker's refusal, or the name of it. `UNKNOWN (<code>)` for a code that is not in the table. */
export function errorName(code: number): KafkaErrorName | string {
  return (NAMES as Record<number, string>)[code] ?? `UNKNOWN (${code})`
}

/** A broker answered with an error code. The message is one line: what was tried, and the code's name. */
export class KafkaError extends Error {
  override readonly name = 'KafkaError'
  readonly reason: KafkaErrorName | string

  constructor(what: string, code: number) {
    const reason = errorName(code)
    super(EXPLAINED[reason] ? `${what}: ${EXPLAINED[reason]} (${reason})` : `${what}: ${reason}`)
    this.reason = reason
  }
}

/** Words for the codes that a person can do something about. */
const EXPLAINED: Record<string, string> = {
  GROUP_AUTHORIZATION_FAILED: 'not authorized to use the consumer group',
  TOPIC_AUTHORIZATION_FAILED: 'not authorized to read the topic',
  CLUSTER_AUTHORIZATION_FAILED: 'not authorized',
  INCONSISTENT_GROUP_PROTOCOL: 'the consumer group is in use by another kind of consumer',
  INVALID_SESSION_TIMEOUT: 'session timeout outside group.min/max.session.timeout.ms of the broker',
  NON_EMPTY_GROUP: 'the consumer group still has members',
  GROUP_MAX_SIZE_REACHED: 'the consumer group is full (group.max.size of the broker)',
  COORDINATOR_NOT_AVAILABLE: 'no group coordinator yet',
  COORDINATOR_LOAD_IN_PROGRESS: 'the group coordinator is starting',
  OFFSET_OUT_OF_RANGE: 'the broker does not give what its log has by its own word, perhaps in tiered storage',
  OFFSET_METADATA_TOO_LARGE: 'commit metadata longer than offset.metadata.max.bytes of the broker',
}

/** No connection, or no answer: what became of the request is not known. */
export class KafkaConnectionError extends Error {
  override readonly name = 'KafkaConnectionError'
}

/** @throws KafkaError when the code is not zero */
export function check(what: string, code: number): void {
  if (code !== 0) throw new KafkaError(what, code)
}

/** The refusal's name, or null when the error is not a broker's refusal. */
export function reasonOf(error: unknown): string | null {
  return error instanceof KafkaError ? error.reason : null
}

/** One line for status and log: always begins with "Kafka". */
export function problemLine(error: unknown): string {
  const text = describeError(error)
  return text.startsWith('Kafka') ? text : `Kafka: ${text}`
}

/** The coordinator is elsewhere or not ready: find it again. */
export function isCoordinatorMoved(error: unknown): boolean {
  return ['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS'].includes(
    reasonOf(error) ?? '',
  )
}

/** The (member id, generation) is not in the group any more. */
export function isFenced(error: unknown): boolean {
  return ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID'].includes(reasonOf(error) ?? '')
}

/** The partition's leader is elsewhere, or not ready: read metadata again. */
export function isLeaderMoved(code: number): boolean {
  return [3, 5, 6, 9, 56, 74, 75, 78].includes(code)
}

/** Only a person can change it: an ACL, or the name of the group. */
export function isAccessRefused(code: number): boolean {
  return /_AUTHORIZATION_FAILED$|^INVALID_GROUP_ID$/.test(errorName(code))
}

/** The group goes on without this member, who has to join again. */
export function isOutpaced(error: unknown): boolean {
  return isFenced(error) || reasonOf(error) === 'REBALANCE_IN_PROGRESS'
}

/** How often in a row the errors of a rebalance or a moving coordinator may come before they are a problem. */
export const PASSING_FAILURES = 4

/** Part of any rebalance or broker restart: right again after a moment, and no news to a person. */
export function isPassing(error: unknown): boolean {
  return isOutpaced(error) || isCoordinatorMoved(error)
}
