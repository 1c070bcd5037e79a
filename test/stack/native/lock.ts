import { randomBytes } from 'node:crypto'
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

const heartbeatMs = 5_000
/** A holder that has not shown itself for so long is gone, even if another process has its number by now. */
const staleMs = 60_000
const pollMs = 250

/**
 * Takes the lock file at `path`, waiting while a living process holds it; `onWait` hears of the holder once.
 * A lock whose holder is dead is taken over. Returns the function that releases it.
 */
export async function acquireLock(path: string, onWait: (holder: string) => void): Promise<() => Promise<void>> {
  let toldOf: string | undefined
  while (!(await tryLock(path))) {
    const holder = await readHolder(path)
    if (holder === undefined) continue
    if (!holder.alive) {
      await removeStale(path, holder.content)
      continue
    }
    if (toldOf !== holder.content) onWait(holder.pid)
    toldOf = holder.content
    await sleep(pollMs)
  }
  const heartbeat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), heartbeatMs)
  heartbeat.unref()
  return async () => {
    clearInterval(heartbeat)
    await rm(path, { force: true })
  }
}

/** Whether a process of this number runs (one that belongs to another user counts). */
export function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Linking a finished file is atomic, so a lock never lacks its holder's number. */
async function tryLock(path: string): Promise<boolean> {
  const own = `${path}-${process.pid}-${randomBytes(3).toString('hex')}`
  await writeFile(own, `${process.pid} ${randomBytes(8).toString('hex')}`)
  try {
    await link(own, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(own, { force: true })
  }
}

async function readHolder(path: string): Promise<{ content: string; pid: string; alive: boolean } | undefined> {
  try {
    const [content, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)])
    const pid = content.split(' ')[0] ?? ''
    return { content, pid, alive: isAlive(Number(pid)) && Date.now() - mtimeMs < staleMs }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Takes the dead holder's lock away, and gives it back if somebody else had replaced it in the meantime. */
async function removeStale(path: string, content: string): Promise<void> {
  const away = `${path}-stale-${process.pid}-${randomBytes(3).toString('hex')}`
  try {
    await rename(path, away)
    if ((await readFile(away, 'utf8')) !== content) await link(away, path).catch(() => undefined)
    await rm(away, { force: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
