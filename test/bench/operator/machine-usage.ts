import { cpus } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'

/** Below this share of all processors nothing of weight is going on. */
const QUIET = 0.15
/** On a machine that is shared it may never be quiet; controllers need minutes to look at 10,000 copies once. */
const PATIENCE_MS = 300_000

/** What all processes of the machine use of its processors, since this was made. */
export class MachineUsage {
  readonly #begun = times()

  /** 1 is all processors. */
  get share(): number {
    const { busy, all } = times()
    return (busy - this.#begun.busy) / (all - this.#begun.all)
  }

  /** Until three seconds were quiet, for five minutes at most. Tells whether it became quiet. */
  async isQuiet(): Promise<boolean> {
    const begun = performance.now()
    while (performance.now() - begun < PATIENCE_MS) {
      const now = new MachineUsage()
      await delay(3_000)
      if (now.share < QUIET) return true
    }
    return false
  }
}

function times(): { busy: number; all: number } {
  const sums = cpus().map(({ times: { idle, ...busy } }) => {
    const working = Object.values(busy).reduce((sum, each) => sum + each, 0)
    return { busy: working, all: working + idle }
  })
  return { busy: sums.reduce((sum, each) => sum + each.busy, 0), all: sums.reduce((sum, each) => sum + each.all, 0) }
}
