import { readFile } from 'node:fs/promises'
import type { Container } from './pod.ts'
import { parseQuantity } from './quantity.ts'

const POLL_MS = 500

/**
 * Calls `onExceeded` once when the resident memory of a process is above the container's limits.memory. It looks twice a second and at
 * the main process alone: a spike between two looks, child processes and the page cache do not count. Linux only; elsewhere it
 * never calls.
 *
 * @returns a function that stops looking
 */
export function watchMemoryLimit({ resources }: Container, pid: number, onExceeded: () => void): () => void {
  const limit = resources?.limits?.memory
  if (limit === undefined) return () => undefined
  const limitBytes = parseQuantity(limit)
  const timer = setInterval(async () => {
    const bytes = await residentBytes(pid).catch(() => 0)
    if (bytes <= limitBytes) return
    clearInterval(timer)
    onExceeded()
  }, POLL_MS)
  return () => clearInterval(timer)
}

async function residentBytes(pid: number): Promise<number> {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kibibytes ?? 0) * 1024
}
