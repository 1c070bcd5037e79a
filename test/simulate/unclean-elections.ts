import type { Sink } from '../../src/sink/sink.ts'
import type { SimulatedLog } from './simulated-log.ts'
import type { World } from './world.ts'

/** Offsets that a leader lacks of what the one before had. */
const MOST_CUT = 5
/** The words of the sink where a partition stops since its log was cut. */
const LOST_WHAT_WAS_PROMISED =
  /is stopped: (Kafka has lost offsets( of)?|offsets \d+ to \d+ were promised as|offset \d+ is beyond the end)/

/** One partition, or none, whose leaders lack some of the newest records now and then: it stops where that was promised. */
export class UncleanElections {
  readonly log: SimulatedLog | null
  readonly #world: World

  constructor(world: World, log: SimulatedLog | null) {
    this.#world = world
    this.log = log
  }

  /** Another leader. */
  happen(): void {
    const { log } = this
    if (log === null) return
    const least = Math.max(Number(log.endOffset) - MOST_CUT, Number(log.startOffset))
    const offset = BigInt(this.#world.random.int(least, Number(log.endOffset)))
    this.#world.note('log', `partition ${log.partition} has another leader, with nothing from ${offset} on`)
    this.#world.tally.add(log.elect(offset) ? 'unclean elections: records lost that were read' : 'unclean elections')
  }

  /** What a leader lacks is noticed at the latest when its log is longer than those of the ones before. */
  outgrow(produce: (log: SimulatedLog) => void): void {
    while (this.log !== null && this.log.endOffset <= this.log.mostEndOffset) produce(this.log)
  }

  /** Whether a sink delivers, or says that Kafka has lost what was promised. */
  isWell(sink: Sink): boolean {
    return sink.isActive() || this.#isStoppedBy(sink)
  }

  /** Since Kafka has lost some of it: rightly, where somebody had read that. */
  hasStopped(log: SimulatedLog, sinks: readonly Sink[]): boolean {
    return log === this.log && log.cutAt !== null && sinks.some((sink) => this.#isStoppedBy(sink))
  }

  #isStoppedBy(sink: Sink): boolean {
    const error = sink.status().error ?? ''
    return LOST_WHAT_WAS_PROMISED.test(error) && error.includes(` partition ${this.log?.partition} is stopped`)
  }
}
