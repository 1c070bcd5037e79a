import { BROKEN, type Design } from './design.ts'
import { runSchedule } from './schedule.ts'

/** More than any of the broken designs has needed. */
const MOST_SCHEDULES = 5_000

/** The first seed whose schedule shows that a design is broken; null when none does. */
export async function caughtAt(name: string, from = 1): Promise<number | null> {
  for (let seed = from; seed < from + MOST_SCHEDULES; seed++) {
    const { violations } = await runSchedule(seed, { design: BROKEN[name] as Design })
    if (violations.length > 0) return seed
  }
  return null
}
