import { readFileSync } from 'node:fs'

/** Linux counts processor time in ticks of 1/100 s (USER_HZ, the same on every platform it runs on). */
const TICKS_PER_SECOND = 100
const KIB = 1024

export interface ProcessUsage {
  readonly atMs: number
  /** Processor time of the whole process, all threads, user and system. */
  readonly cpuSeconds: number
  /** Highest resident set so far (VmHWM) and the one now (VmRSS). */
  readonly peakBytes: number
  readonly residentBytes: number
}

/** What the kernel counted for a process: measured from outside, so that measuring costs it nothing (proc(5)). */
export function processUsage(pid: number): ProcessUsage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field is the command in parentheses and may hold anything; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kibOf = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0)
  return {
    atMs: performance.now(),
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    peakBytes: kibOf('VmHWM') * KIB,
    residentBytes: kibOf('VmRSS') * KIB,
  }
}
