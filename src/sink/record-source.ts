/**
 * A record as read from Kafka: a view that its batch moves on, so that no object is made for a record. What it says is
 * valid until the batch's next record is asked for, and its bytes are only lent: copy what is kept.
 */
export interface SourceRecord {
  /** `baseOffset + offsetDelta`. Makes a bigint each time: the two parts are for what is done with every record. */
  readonly offset: bigint
  readonly baseOffset: bigint
  readonly offsetDelta: number
  /** Record timestamp, milliseconds since the epoch. */
  readonly timestampMs: number
  /** Makes a Buffer each time, as `value` does. */
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** The value without making anything: `valueLength` bytes of `bytes` from `valueAt` on; -1 for a null value, as in Kafka's record format. */
  readonly bytes: Buffer
  readonly valueAt: number
  readonly valueLength: number
  readonly headers: Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>
}

/** Some consecutive records of one partition, gone through once. */
export interface RecordBatch {
  /** The position after this batch. Not the last record's offset + 1: control records and compaction leave gaps. */
  readonly nextOffset: bigint
  readonly highWatermark: bigint
  /**
   * The next record, null after the last one. One view is moved from record to record.
   * @throws Error at a record that cannot be read; those before it are good
   */
  next(): SourceRecord | null
}

/** What the group coordinator keeps for a partition. `offset` is -1n where the group never committed. */
export interface CommittedOffset {
  readonly offset: bigint
  readonly metadata: string
}

/**
 * One partition held by one group member, from assignment to revocation: over as many generations as nobody else has it
 * (docs/decisions/0008). Commits carry that member's id and generation, so that the broker can refuse a zombie.
 */
export interface Tenure {
  readonly topic: string
  readonly partition: number
  /** Names the Kafka cluster, so that metadata copied to another cluster (MirrorMaker) is recognised. Empty where the broker tells none. */
  readonly clusterId: string
  /** Names this very topic: one of the same name that is created later has another. Absent where the broker tells none. */
  readonly topicId?: string | undefined
  /** Whether the partition came while its member watched: all that is in it is new. */
  readonly isNewcomer: boolean
  /** As fetched from the coordinator after the assignment. */
  readonly committed: CommittedOffset
  /** Aborted when the tenure is over, however it ended. */
  readonly ended: AbortSignal
  /** Of the leader that appended the last record before `offset`, as far as that was read (KIP-101); null where unknown. */
  leaderEpochBefore(offset: bigint): number | null
  /**
   * Sends one commit, once. Throws TenureLostError when it was refused or its outcome is unknown: then nothing was
   * promised, the tenure has ended, and the member leaves and rejoins. Throws TopicRecreatedError, and sends nothing, when what
   * was read may be of another topic.
   */
  commit(offset: bigint, metadata: string): Promise<void>
}

export type RevocationReason = 'rebalance' | 'shutdown'

/** The offsets that a partition's log holds: from `startOffset` up to and without `endOffset`. */
export interface LogRange {
  readonly startOffset: bigint
  readonly endOffset: bigint
}

/** The sink's side of one tenure. */
export interface PartitionHandler {
  /** First offset to read; `earliest` / `latest` where the group has none. Asked once, before the first batch. */
  readonly startAt: bigint | 'earliest' | 'latest'
  /** Where what an earlier owner promised ends. Null or absent: nothing is promised. */
  readonly promisedTo?: bigint | null
  /** Whether other partitions may wait for what this one reads: it is read on however much of theirs has been fetched. Absent: never. */
  readonly isAwaited?: boolean
  /**
   * Takes one batch. The source hands out the next batch of this partition only when this has settled: that is the
   * back-pressure. Other partitions, heartbeats and commits go on meanwhile.
   *
   * Throws PartitionStoppedError when nothing more is to be read of the partition, which is held all the same.
   */
  records(batch: RecordBatch): Promise<void>
  /**
   * The log does not hold `position`, the next offset to read: what was there has expired, or the log ends before it. Before anything is read,
   * `position` may be `promisedTo`, which the log ends before.
   * Everything that was read before has been handed over. Returns where to read on, null for nowhere.
   */
  outOfRange(position: bigint, log: LogRange): Promise<bigint | null>
  /**
   * Kafka has lost what was read before `position`, from `keptTo` on, and has other records there now: a broker became the leader that had
   * not had them. Everything that was read has been handed over. Returns where to read on, null for nowhere.
   */
  truncated(position: bigint, keptTo: bigint): Promise<bigint | null>
  /**
   * The partition is about to be given up and commits are still accepted: finish and commit what is buffered. The
   * source waits for it until `deadline` aborts; after that, or when the tenure was lost, nothing may be committed.
   */
  revoked(reason: RevocationReason, deadline: AbortSignal): Promise<void>
  /** The tenure ended without a chance to commit (fenced, unknown commit outcome): forget everything that is buffered. */
  lost(): void
}

/** What the sink hears from the source. */
export interface SourceListener {
  /** A partition was assigned. May be slow (it may replay a set): other partitions are not held up. */
  assigned(tenure: Tenure): Promise<PartitionHandler>
  /** Kafka cannot be used now (null: it can again). One line that a person can act on; the source goes on trying. */
  problem(error: string | null): void
  /** A generation's assignment is in place; how many partitions this member holds. */
  settled(partitions: number): void
}

/** The Kafka side of the sink: a consumer-group member that never commits by itself. */
export interface RecordSource {
  /** Joins and reads until `stop`. Rejects only on what no retry can cure. */
  run(listener: SourceListener): Promise<void>
  /** Revokes every partition with reason `shutdown`, leaves the group, closes connections. Waits at most until `deadline` aborts. */
  stop(deadline: AbortSignal): Promise<void>
  /** Records behind the high watermark over the held partitions; null until every one was fetched once. */
  lag(): number | null
  /** Of those, the ones that can be read now: what lies behind the first record of an open transaction waits for its end. Null as `lag`. */
  readable(): number | null
  /** Partitions of all topics that are read, whoever holds them; null until they were looked up. */
  topicPartitions(): number | null
}

/** The (member id, generation) of a tenure is not, or perhaps not, the partition's owner any more. */
export class TenureLostError extends Error {
  override readonly name = 'TenureLostError'
}

/** A partition takes no more records until a person has acted. The handler has told why. */
export class PartitionStoppedError extends Error {
  override readonly name = 'PartitionStoppedError'

  constructor() {
    super('nothing more is to be read of the partition')
  }
}

/** A topic was deleted and created again: its offsets now mean other records. */
export class TopicRecreatedError extends Error {
  override readonly name = 'TopicRecreatedError'

  /** @param topicId of the topic that was read, or that an offset was committed for */
  constructor(topicId: string, idNow: string) {
    super(
      `the topic was deleted and created again (id ${topicId} before, ${idNow} now): what was not delivered of the former one is gone. ` +
        'To read the new one from its beginning, set spec.kafka.epoch to a number that was not used before',
    )
  }
}
