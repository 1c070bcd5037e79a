import type {
  LogRange,
  PartitionHandler,
  RecordBatch,
  RevocationReason,
  SourceListener,
  Tenure,
} from '../../src/sink/record-source.ts'
import { type PlainRecordCopy, takeAll } from './source-records.ts'

/** What one handler went through. */
export class RecordingHandler implements PartitionHandler {
  readonly tenure: Tenure
  startAt: bigint | 'earliest' | 'latest'
  promisedTo: bigint | null = null
  readonly offsets: bigint[] = []
  readonly values: string[] = []
  position = -1n
  /** What the log was found not to hold. */
  readonly missing: { position: bigint; log: LogRange }[] = []
  /** What was read and has given way to other records. */
  readonly replaced: { position: bigint; keptTo: bigint }[] = []
  readonly heard: ('revoked' | 'revoked done' | 'lost')[] = []
  reason: RevocationReason | null = null
  /** What happens in `records` and `revoked`, beside being recorded. */
  onRecord: (record: PlainRecordCopy) => void = () => {}
  onRecords: (batch: RecordBatch) => Promise<void> = async () => {}
  onOutOfRange: (log: LogRange) => bigint | null = () => null
  onTruncated: (keptTo: bigint) => bigint | null = () => null
  onRevoked: (deadline: AbortSignal) => Promise<void> = async () => {}

  constructor(tenure: Tenure, startAt: bigint | 'earliest' | 'latest') {
    this.tenure = tenure
    this.startAt = startAt
  }

  get name(): string {
    return `${this.tenure.topic}-${this.tenure.partition}`
  }

  async records(batch: RecordBatch): Promise<void> {
    for (const record of takeAll(batch)) {
      this.onRecord(record)
      this.offsets.push(record.offset)
      this.values.push(record.value?.toString() ?? '')
    }
    this.position = batch.nextOffset
    await this.onRecords(batch)
  }

  async outOfRange(position: bigint, log: LogRange): Promise<bigint | null> {
    this.missing.push({ position, log })
    return this.onOutOfRange(log)
  }

  async truncated(position: bigint, keptTo: bigint): Promise<bigint | null> {
    this.replaced.push({ position, keptTo })
    return this.onTruncated(keptTo)
  }

  async revoked(reason: RevocationReason, deadline: AbortSignal): Promise<void> {
    this.reason = reason
    this.heard.push('revoked')
    await this.onRevoked(deadline)
    this.heard.push('revoked done')
  }

  lost(): void {
    this.heard.push('lost')
  }
}

/** A listener that keeps everything it hears. It starts where the group has committed, or else at `startAt`. */
export class RecordingListener implements SourceListener {
  readonly handlers: RecordingHandler[] = []
  readonly problems: (string | null)[] = []
  readonly settledWith: number[] = []
  startAt: 'earliest' | 'latest' = 'earliest'
  onAssigned: (handler: RecordingHandler) => Promise<void> = async () => {}

  async assigned(tenure: Tenure): Promise<PartitionHandler> {
    const handler = new RecordingHandler(tenure, tenure.committed.offset >= 0n ? tenure.committed.offset : this.startAt)
    this.handlers.push(handler)
    await this.onAssigned(handler)
    return handler
  }

  problem(error: string | null): void {
    this.problems.push(error)
  }

  settled(partitions: number): void {
    this.settledWith.push(partitions)
  }

  /** The handlers whose tenures have not ended. */
  get held(): RecordingHandler[] {
    return this.handlers.filter(({ tenure }) => !tenure.ended.aborted)
  }

  /** Names of the partitions that are held, sorted. */
  get partitions(): string[] {
    return this.held.map(({ name }) => name).sort()
  }
}
