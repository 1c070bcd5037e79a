import { event } from '../support/sink-process.ts'
import type { SimulatedLog } from './simulated-log.ts'
import type { UncleanElections } from './unclean-elections.ts'
import type { World } from './world.ts'

/** The records that come: most for a line of an object, others filtered, some that are none. */
export class Production {
  readonly #world: World
  readonly #elections: UncleanElections
  #produced = 0

  constructor(world: World, elections: UncleanElections) {
    this.#world = world
    this.#elections = elections
  }

  get produced(): number {
    return this.#produced
  }

  /** Some records come to the partition within nine tenths of the time until then. */
  plan(log: SimulatedLog, untilMs: number): void {
    const { random } = this.#world
    const count = random.int(3, 14)
    for (let i = 0; i < count; i++)
      this.#world.schedule(random.int(0, (untilMs - this.#world.nowMs) * 0.9), 'produce', () => this.produce(log))
  }

  produce(log: SimulatedLog): void {
    const { random } = this.#world
    const id = this.#produced++
    const time = this.#world.nowMs - random.int(0, 60_000)
    const dice = random.int(0, 15)
    if (dice === 0) log.append(`broken ${id}`, 'reject', time)
    else if (dice === 1 && log !== this.#elections.log) log.append(null, 'reject', time)
    else if (dice === 2) log.append(event(id, { namespace: 'other' }), 'filtered', time)
    else log.append(event(id, { name: dice < 7 ? 'login' : 'logout' }), 'line', time)
    // Transactions and compaction leave offsets without a record.
    if (random.chance(0.1)) log.skip()
  }
}
