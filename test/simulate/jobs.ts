import { fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { caughtAt } from './broken-designs.ts'
import { runSchedule } from './schedule.ts'
import { type Counts, Tally } from './tally.ts'

/** Part of a run that one process does: some schedules, or the search for one that shows that a design is broken. */
export type Job =
  | { readonly kind: 'schedules'; readonly from: number; readonly count: number }
  | { readonly kind: 'broken design'; readonly name: string; readonly from: number }

export interface Failure {
  readonly seed: number
  readonly violations: readonly string[]
}

export type Answer =
  | { readonly kind: 'schedules'; readonly counts: Counts; readonly failures: readonly Failure[] }
  | { readonly kind: 'broken design'; readonly name: string; readonly caughtAt: number | null }

export async function doJob(job: Job): Promise<Answer> {
  if (job.kind === 'broken design')
    return { kind: job.kind, name: job.name, caughtAt: await caughtAt(job.name, job.from) }
  const tally = new Tally()
  const failures: Failure[] = []
  for (let seed = job.from; seed < job.from + job.count; seed++) {
    const { violations, counts } = await runSchedule(seed)
    tally.addAll(counts)
    if (violations.length > 0) failures.push({ seed, violations })
  }
  return { kind: job.kind, counts: tally.counts, failures }
}

/** Does all jobs, in as many processes as the machine has processors. */
export async function doAll(jobs: readonly Job[], hear: (answer: Answer) => void): Promise<void> {
  const waiting = [...jobs]
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      const child = fork(join(import.meta.dirname, 'worker.ts'))
      const ended = once(child, 'exit').then(() => {
        throw new Error('a process of the simulation has died')
      })
      ended.catch(() => {})
      for (let job = waiting.shift(); job; job = waiting.shift()) {
        child.send(job)
        const [answer] = await Promise.race([once(child, 'message'), ended])
        hear(answer)
      }
      child.disconnect()
    }),
  )
}
