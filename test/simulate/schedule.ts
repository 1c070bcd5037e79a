import { revisionOf, type SinkConfig } from '../../src/contract/sink-config.ts'
import { violationsOf } from './check.ts'
import { type Design, isIntent, OURS } from './design.ts'
import { drawConfig, drawFates, drawLargestPut } from './draw.ts'
import { Production } from './production.ts'
import type { Random } from './random.ts'
import { SimulatedBucket } from './simulated-bucket.ts'
import { SimulatedCoordinator } from './simulated-coordinator.ts'
import { SimulatedLog } from './simulated-log.ts'
import { SimulatedProcess, type Surroundings } from './simulated-process.ts'
import type { Counts } from './tally.ts'
import { UncleanElections } from './unclean-elections.ts'
import { World } from './world.ts'

/** Once faults have stopped everything must be delivered within this virtual time. */
const HEALING_MS = 30 * 60_000
/** Longer than any time limit of a process. */
const LONGEST_WAIT_MS = 30_000
const MOST_PROCESSES = 3
const MOST_PARTITIONS = 4

export interface ScheduleOptions {
  readonly design?: Design
  /** Whether the outcome tells everything that happened. */
  readonly traced?: boolean
}

export interface Outcome {
  readonly seed: number
  /** What must not be; empty when all is well. */
  readonly violations: readonly string[]
  /** How often what happened. */
  readonly counts: Counts
  readonly trace: readonly string[]
}

/**
 * One schedule: some sinks on some partitions, records that come, and faults, all by the seed; then the faults stop, the
 * sinks finish and end, and what is in the bucket is compared with what was produced.
 */
export function runSchedule(seed: number, { design = OURS, traced = false }: ScheduleOptions = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    // An event of its own, as the world's promises must not run within those of somebody else.
    setImmediate(() => {
      const world = new World(seed, traced ? [] : null)
      try {
        resolve(world.during(() => new Schedule(seed, world, design).run()))
      } catch (error) {
        reject(error)
      }
    })
  })
}

class Schedule {
  readonly #seed: number
  readonly #world: World
  readonly #random: Random
  readonly #logs: Map<number, SimulatedLog>
  readonly #bucket: SimulatedBucket
  readonly #coordinator: SimulatedCoordinator
  readonly #configs: readonly SinkConfig[]
  readonly #surroundings: Surroundings
  readonly #processes: SimulatedProcess[] = []
  readonly #faultyMs: number
  /** When faults stop. */
  readonly #healsAtMs: number
  readonly #hasRetention: boolean
  readonly #elections: UncleanElections
  readonly #production: Production
  #config: SinkConfig
  #failed: string[] = []
  /** At the end, since Kafka has lost what was promised of them; from there on nothing need be delivered. */
  #stoppedAt = new Map<number, bigint>()

  constructor(seed: number, world: World, design: Design) {
    const { random } = world
    this.#seed = seed
    this.#world = world
    this.#random = random
    const partitions = Array.from({ length: random.int(1, MOST_PARTITIONS - 1) }, (_, partition) => partition)
    this.#logs = new Map(partitions.map((partition) => [partition, new SimulatedLog(partition)]))
    const allowsUploadCare = random.chance(0.5)
    this.#bucket = new SimulatedBucket(world, {
      fates: drawFates(random),
      isConditional: !design.overwrites,
      allowsUploadCare,
    })
    this.#coordinator = new SimulatedCoordinator(world)
    this.#configs = Array.from({ length: 3 }, (_, i) => drawConfig(random, i))
    this.#config = random.pick(this.#configs)
    this.#faultyMs = random.int(8_000, 60_000)
    this.#healsAtMs = world.nowMs + this.#faultyMs
    this.#hasRetention = random.chance(0.3)
    this.#elections = new UncleanElections(world, random.chance(0.15) ? random.pick([...this.#logs.values()]) : null)
    this.#production = new Production(world, this.#elections)
    // A connection delivers in order and once, and a member sends a commit once.
    const kafkaFates = { ...drawFates(random), twice: 0, repeated: 0 }
    this.#surroundings = {
      world,
      coordinator: this.#coordinator,
      logs: this.#logs,
      bucket: this.#bucket,
      kafkaFates,
      design,
      revisions: new Map(this.#configs.map((config) => [revisionOf(config), config])),
      largestPutBytes: drawLargestPut(random),
    }
  }

  run(): Outcome {
    for (const log of this.#logs.values()) this.#production.plan(log, this.#healsAtMs)
    this.#planFaults()
    this.#world.runUntil(() => false, this.#healsAtMs)
    this.#heal()
    const isDelivered = this.#finish()
    this.#countAll()
    return {
      seed: this.#seed,
      violations: [
        ...this.#failed,
        ...(isDelivered ? [] : this.#undelivered()),
        ...violationsOf(this.#logs, this.#bucket, this.#processes, this.#stoppedAt),
      ],
      counts: this.#world.tally.counts,
      trace: this.#world.trace ?? [],
    }
  }

  #planFaults(): void {
    for (let i = this.#random.int(1, MOST_PROCESSES); i > 0; i--) this.#start()
    for (let i = this.#random.int(0, 8); i > 0; i--)
      this.#world.schedule(this.#random.int(0, this.#faultyMs), 'fault', () => this.#disturb())
    const watch = () => {
      if (!this.#world.faulty) return
      if (this.#running.length === 0) this.#start()
      this.#world.schedule(this.#random.int(500, 6_000), 'restart', watch)
    }
    watch()
  }

  get #running(): SimulatedProcess[] {
    return this.#processes.filter(({ isRunning }) => isRunning)
  }

  #start(): void {
    this.#processes.push(new SimulatedProcess(`p${this.#processes.length + 1}`, this.#config, this.#surroundings))
  }

  #disturb(): void {
    if (!this.#world.faulty) return
    if (this.#hasRetention && this.#random.chance(0.3)) this.#expire()
    if (this.#random.chance(0.3)) this.#elections.happen()
    const what = this.#random.pick(FAULTS)
    this.#world.tally.add(what)
    this.#inflict(what)
  }

  #inflict(what: Fault): void {
    const victim = this.#running[this.#random.int(0, MOST_PROCESSES)]
    if (what === 'kill' && victim) this.#kill(victim)
    if (what === 'stop and wake' && victim) this.#suspend(victim)
    if (what === 'drain') victim?.stop()
    if (what === 'another configuration') this.#config = this.#random.pick(this.#configs)
    if (what === 'another configuration' || (what === 'scale up' && this.#running.length < MOST_PROCESSES))
      this.#start()
    if (what === 'another coordinator') this.#coordinator.move()
    if (what === 'a lifecycle rule for uploads') this.#bucket.removeUploads()
    if (what === 'another partition' && this.#logs.size < MOST_PARTITIONS) this.#addPartition()
  }

  /** Between the crash and the replay records may expire, and the configuration may become another. */
  #kill({ life }: SimulatedProcess): void {
    life.killAfter(this.#random.int(1, 25))
    if (this.#random.chance(0.3)) this.#config = this.#random.pick(this.#configs)
    if (this.#hasRetention && this.#random.chance(0.6))
      this.#world.schedule(this.#random.int(0, 8_000), 'retention', () => this.#world.faulty && this.#expire())
  }

  #suspend({ life }: SimulatedProcess): void {
    this.#world.sleep(life)
    this.#world.schedule(this.#random.int(100, 60_000), 'wake', () => this.#world.wake(life))
  }

  #addPartition(): void {
    const log = new SimulatedLog(this.#logs.size)
    this.#logs.set(log.partition, log)
    this.#production.plan(log, this.#healsAtMs)
  }

  /** Most often somewhere in what is not delivered yet; seldom all that there is. */
  #expire(): void {
    const log = this.#random.pick([...this.#logs.values()])
    const { offset: committed } = this.#coordinator.committedOffset(log.partition)
    const least = this.#random.chance(0.7) && committed > log.startOffset ? committed : log.startOffset
    const offset = BigInt(this.#random.int(Number(least), Number(log.endOffset)))
    this.#world.note('log', `partition ${log.partition} expires up to ${offset}`)
    this.#world.tally.add(offset === log.endOffset ? 'retention: all records' : 'retention')
    log.expire(offset)
    if (committed < 0n) log.unseenBefore = offset
  }

  /** From here on nothing goes wrong any more. */
  #heal(): void {
    this.#world.faulty = false
    this.#world.note('world', 'faults stop')
    for (const { life } of this.#processes) {
      life.killAfter(Number.POSITIVE_INFINITY)
      this.#world.wake(life)
    }
    if (this.#running.length === 0) this.#start()
    this.#elections.outgrow((log) => this.#production.produce(log))
  }

  #finish(): boolean {
    const limit = this.#world.nowMs + HEALING_MS
    const isDelivered = this.#world.runUntil(() => this.#isQuiet(), limit)
    this.#stoppedAt = new Map(
      [...this.#logs.values()].filter((log) => this.#hasStopped(log)).map((log) => [log.partition, this.#endsAt(log)]),
    )
    this.#failed = this.#running.flatMap(({ life, sink }) =>
      this.#elections.isWell(sink) ? [] : `${life.name} is FAILED: ${sink.status().error}`,
    )
    for (const process of this.#running) process.stop()
    this.#world.runUntil(() => this.#running.length === 0, this.#world.nowMs + HEALING_MS)
    // A commit without an answer may still be waited for; only then is its set counted as given up.
    this.#world.runUntil(() => false, this.#world.nowMs + LONGEST_WAIT_MS)
    return isDelivered
  }

  /** Everything is committed, every process is well, and no late write is still under way. */
  #isQuiet(): boolean {
    if (this.#running.length === 0) this.#start()
    return (
      this.#world.lateRequests === 0 &&
      [...this.#logs.values()].every((log) => this.#isDelivered(log)) &&
      this.#running.every(({ sink }) => this.#elections.isWell(sink))
    )
  }

  #hasStopped(log: SimulatedLog): boolean {
    const sinks = this.#running.map(({ sink }) => sink)
    return this.#elections.hasStopped(log, sinks)
  }

  /** Where something was lost, or where the set begins that holds some of it. */
  #endsAt({ partition, cutAt }: SimulatedLog): bigint {
    const { offset } = this.#coordinator.committedOffset(partition)
    return cutAt !== null && cutAt < offset ? cutAt : offset
  }

  #isDelivered(log: SimulatedLog): boolean {
    if (this.#hasStopped(log)) return true
    const { offset, metadata } = this.#coordinator.committedOffset(log.partition)
    if (offset < 0n) return log.startOffset === log.endOffset
    return offset === log.endOffset && !isIntent(metadata)
  }

  #undelivered(): string[] {
    return [...this.#logs.values()]
      .filter((log) => !this.#isDelivered(log))
      .map(({ partition, endOffset }) => {
        const { offset, metadata } = this.#coordinator.committedOffset(partition)
        return `partition ${partition} is stuck at ${offset} of ${endOffset} ${metadata}`
      })
  }

  #countAll(): void {
    const { tally } = this.#world
    tally.add('schedules')
    tally.add('sink processes', this.#processes.length)
    tally.add('… killed', this.#processes.filter(({ life }) => life.isDead).length)
    tally.add('records produced', this.#production.produced)
    tally.add('objects created', this.#bucket.objects.size)
    tally.add('uploads left behind', this.#bucket.uploads.size)
    if (this.#stoppedAt.size > 0) tally.add('partitions stopped, as Kafka lost what was promised')
  }
}

/** What befalls the world, beside what becomes of single requests. */
export const FAULTS = [
  'kill',
  'kill',
  'kill',
  'stop and wake',
  'drain',
  'scale up',
  'another configuration',
  'another coordinator',
  'a lifecycle rule for uploads',
  'another partition',
] as const
type Fault = (typeof FAULTS)[number]
