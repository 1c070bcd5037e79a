import { open, stat } from 'node:fs/promises'

/** Limits of a termination message that falls back to the log. Source: kubelet pkg/kubelet/container (MaxContainerTerminationMessageLogLength). */
const FALLBACK_BYTES = 2048
const FALLBACK_LINES = 80

/** Length of the log so far, 0 when there is none: where the next attempt's output begins. */
export async function logSize(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  )
}

/** The bytes of the log from `start` up to `end`, at most the last `maxBytes` of them. */
export async function readLog(
  file: string,
  start: number,
  end?: number,
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<Buffer> {
  const until = end ?? (await logSize(file))
  const from = Math.max(start, until - maxBytes)
  if (until <= from) return Buffer.alloc(0)
  const handle = await open(file, 'r')
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(until - from), 0, until - from, from)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** The last 2 KiB or 80 lines that an attempt wrote, whichever is less. */
export async function fallbackMessage(file: string, start: number): Promise<string> {
  const tail = (await readLog(file, start, undefined, FALLBACK_BYTES)).toString('utf8')
  return lastLines(tail, FALLBACK_LINES)
}

/** The last `count` lines of a text; a line break at its end begins no line. */
export function lastLines(text: string, count: number): string {
  const lines = text.split('\n')
  const ended = lines.at(-1) === '' ? 1 : 0
  return count <= 0 ? '' : lines.slice(-(count + ended)).join('\n')
}
