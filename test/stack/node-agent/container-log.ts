import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

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

/**
 * The log of a pod that is no longer on the node; the youngest one where several pods had the name.
 *
 * @param container absent: whichever wrote last
 * @returns undefined when there is none
 */
export async function keptLogFile(
  dir: string,
  namespace: string,
  pod: string,
  container?: string,
): Promise<string | undefined> {
  const folders = (await readdir(dir)).filter((name) => name.startsWith(`${namespace}_${pod}_`))
  const files = await Promise.all(folders.map((folder) => logFiles(join(dir, folder), container)))
  return files.flat().sort((a, b) => b.writtenAtMs - a.writtenAtMs)[0]?.file
}

async function logFiles(folder: string, container = ''): Promise<{ file: string; writtenAtMs: number }[]> {
  const names = (await readdir(folder)).filter((name) =>
    container ? name === `${container}.log` : name.endsWith('.log'),
  )
  const files = names.map((name) => join(folder, name))
  return Promise.all(files.map(async (file) => ({ file, writtenAtMs: (await stat(file)).mtimeMs })))
}
