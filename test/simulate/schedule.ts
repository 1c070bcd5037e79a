import { revisionOf, type SinkConfig } from '../../src/contract/sink-config.ts'
import { event, sinkConfig } from '../support/sink-process.ts'
import { violationsOf } from './check.ts'
import { type Design, isIntent, OURS } from './design.ts'
import type { Random } from './random.ts'
import { SimulatedBucket } from './simulated-bucket.ts'
import { SimulatedGroup } from './simulated-group.ts'
import { SimulatedLog } from './simulated-log.ts'
import { SimulatedProcess, type Surroundings } from './simulated-process.ts'
import { type Fates, World } from './world.ts'

/** Once faults have stopped everything must be delivered within this virtual time. */
const HEALING_MS = 30 * 60_000
/** Longer than any time limit of a process. */
const LONGEST_WAIT_MS = 30_000
const MOST_PROCESSES = 3

export interface ScheduleOptions {
  readonly design?: Design
  /** Whether the outcome tells everything that happened. */
  readonly traced?: boolean
}

export interface Outcome {
  readonly seed: number
  /** What must not be; empty when all is well. */
  readonly violations: readonly string[]
  readonly records: number
  readonly objects: number
  readonly processes: number
  /** Processes that were killed, at any step. */
  readonly kills: number
  /** Assignments that began with the set of an earlier owner. */
  readonly replays: number
  readonly trace: readonly string[]
}

/**
 * One schedule: some sinks on some partitions, records that come, and faults, all by the seed; then the faults stop, the
 * sinks finish and end, and what is in the bucket is compared with what was produced.
 */
export async function runSchedule(
  seed: number,
  { design = OURS, traced = false }: ScheduleOptions = {},
): Promise<Outcome> {
  const random = Math.random
  const world = new World(seed, traced ? [] : null)
  // Back-off takes its jitter from there.
  Math.random = () => world.random.next()
  try {
    return await new Schedule(seed, world, design).run()
  } finally {
    Math.random = random
  }
}

class Schedule {
  readonly #seed: number
  readonly #world: World
  readonly #random: Random
  readonly #logs: ReadonlyMap<number, SimulatedLog>
  readonly #bucket: SimulatedBucket
  readonly #group: SimulatedGroup
  readonly #configs: readonly SinkConfig[]
  readonly #surroundings: Surroundings
  readonly #processes: SimulatedProcess[] = []
  readonly #faultyMs: number
  readonly #hasRetention: boolean
  #config: SinkConfig
  #produced = 0
  #failed: string[] = []

  constructor(seed: number, world: World, design: Design) {
    const { random } = world
    this.#seed = seed
    this.#world = world
    this.#random = random
    const partitions = Array.from({ length: random.int(1, 3) }, (_, partition) => partition)
    this.#logs = new Map(partitions.map((partition) => [partition, new SimulatedLog(partition)]))
    this.#bucket = new SimulatedBucket(world, drawFates(random), !design.overwrites)
    this.#group = new SimulatedGroup(world, partitions)
    this.#configs = Array.from({ length: 3 }, (_, i) => drawConfig(random, i))
    this.#config = random.pick(this.#configs)
    this.#faultyMs = random.int(10_000, 90_000)
    this.#hasRetention = random.chance(0.3)
    // A connection delivers in order and once, and a member sends a commit once.
    const kafkaFates = { ...drawFates(random), twice: 0 }
    this.#surroundings = {
      world,
      group: this.#group,
      logs: this.#logs,
      bucket: this.#bucket,
      kafkaFates,
      design,
      revisions: new Map(this.#configs.map((config) => [revisionOf(config), config])),
    }
  }

  async run(): Promise<Outcome> {
    this.#planProduction()
    this.#planFaults()
    const end = this.#world.nowMs + this.#faultyMs
    await this.#world.runUntil(() => this.#world.nowMs >= end, end)
    this.#heal()
    const isDelivered = await this.#finish()
    const kept = this.#processes.filter(({ life }) => !life.isDead)
    return {
      seed: this.#seed,
      violations: [
        ...this.#failed,
        ...(isDelivered ? [] : this.#undelivered()),
        ...violationsOf(this.#logs, this.#bucket, this.#processes),
      ],
      records: this.#produced,
      objects: this.#bucket.objects.size,
      processes: this.#processes.length,
      kills: this.#processes.length - kept.length,
      replays: this.#group.intentsFound,
      trace: this.#world.trace ?? [],
    }
  }

  #planProduction(): void {
    for (const log of this.#logs.values()) {
      const count = this.#random.int(3, 14)
      for (let i = 0; i < count; i++)
        this.#world.schedule(this.#random.int(0, this.#faultyMs * 0.9), 'produce', () => this.#produce(log))
    }
  }

  #produce(log: SimulatedLog): void {
    const id = this.#produced++
    const time = this.#world.nowMs - this.#random.int(0, 60_000)
    const dice = this.#random.int(0, 15)
    if (dice === 0) log.append(`broken ${id}`, 'reject', time)
    else if (dice === 1) log.append(null, 'reject', time)
    else if (dice === 2) log.append(event(id, { namespace: 'other' }), 'filtered', time)
    else log.append(event(id, { name: dice < 7 ? 'login' : 'logout' }), 'line', time)
    if (this.#random.chance(0.1)) log.skip()
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
    const victim = this.#running[this.#random.int(0, MOST_PROCESSES)]
    const { life } = victim ?? {}
    if (this.#hasRetention && this.#random.chance(0.3)) this.#expire()
    const what = this.#random.pick(['kill', 'kill', 'kill', 'sleep', 'stop', 'start', 'edit'] as const)
    if (what === 'kill' && life) life.killAfter(this.#random.int(1, 25))
    if (what === 'sleep' && life) {
      this.#world.sleep(life)
      this.#world.schedule(this.#random.int(100, 60_000), 'wake', () => this.#world.wake(life))
    }
    if (what === 'stop') victim?.stop()
    if (what === 'edit') this.#config = this.#random.pick(this.#configs)
    if (what === 'edit' || (what === 'start' && this.#running.length < MOST_PROCESSES)) this.#start()
  }

  #expire(): void {
    const log = this.#random.pick([...this.#logs.values()])
    const offset = BigInt(this.#random.int(Number(log.startOffset), Number(log.endOffset)))
    this.#world.note('log', `partition ${log.partition} expires up to ${offset}`)
    log.expire(offset)
    if (this.#group.committedOffset(log.partition).offset < 0n) log.unseenBefore = offset
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
  }

  async #finish(): Promise<boolean> {
    const limit = this.#world.nowMs + HEALING_MS
    const isDelivered = await this.#world.runUntil(() => this.#isQuiet(), limit)
    this.#failed = this.#running.flatMap(({ life, sink }) =>
      sink.status().error === null ? [] : `${life.name} is FAILED: ${sink.status().error}`,
    )
    for (const process of this.#running) process.stop()
    await this.#world.runUntil(() => this.#running.length === 0, this.#world.nowMs + HEALING_MS)
    // A commit without an answer may still be waited for; only then is its set counted as given up.
    await this.#world.runUntil(() => false, this.#world.nowMs + LONGEST_WAIT_MS)
    return isDelivered
  }

  /** Everything is committed, every process is well, and no late write is still under way. */
  #isQuiet(): boolean {
    if (this.#running.length === 0) this.#start()
    return (
      this.#world.lateRequests === 0 &&
      [...this.#logs.values()].every((log) => this.#isDelivered(log)) &&
      this.#running.every(({ sink }) => sink.isActive())
    )
  }

  #isDelivered(log: SimulatedLog): boolean {
    const { offset, metadata } = this.#group.committedOffset(log.partition)
    if (offset < 0n) return log.startOffset === log.endOffset
    return offset === log.endOffset && !isIntent(metadata)
  }

  #undelivered(): string[] {
    return [...this.#logs.values()]
      .filter((log) => !this.#isDelivered(log))
      .map(({ partition, endOffset }) => {
        const { offset, metadata } = this.#group.committedOffset(partition)
        return `partition ${partition} is stuck at ${offset} of ${endOffset} ${metadata}`
      })
  }
}

/** In each schedule other things go wrong, and seldom everything at once. */
function drawFates(random: Random): Fates {
  const often = () => (random.chance(0.4) ? random.pick([0.02, 0.1]) : 0)
  return { lost: often(), unanswered: often(), late: often(), twice: often(), refused: often(), broken: often() }
}

/** Revisions differ in path and in where they cut, so a replay under the wrong one shows. */
function drawConfig(random: Random, index: number): SinkConfig {
  return sinkConfig({
    template: `${random.pick(['{eventName}/{hh}{mm}', '{eventName}', 'all'])}/v${index}/{topic}.json`,
    flush: {
      intervalMs: random.pick([500, 3_000, 15_000]),
      events: random.pick([2, 3, 6]),
      bytes: random.pick([300, 100_000]),
    },
    bufferBytes: random.pick([40_000, 10_000_000]),
  })
}
