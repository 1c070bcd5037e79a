import { mkdir, readdir, readFile, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const removeTimeoutMs = 10_000

/** Where control groups are mounted: a folder for each controller (version 1), one for all (version 2), or both. */
export function cgroupMounts(mounts: string): string[] {
  const lines = mounts.split('\n').map((line) => line.split(' '))
  return lines.filter(([, , type]) => type === 'cgroup' || type === 'cgroup2').map(([, path = '']) => path)
}

/** Makes the group below which a kubelet puts its pods, in every hierarchy; resolves with its folders. */
export async function createCgroup(name: string): Promise<string[]> {
  const folders = cgroupMounts(await readFile('/proc/mounts', 'utf8')).map((mount) => join(mount, name))
  for (const folder of folders) await mkdir(folder)
  return folders
}

/** Removes a group and those below it, once the processes in them are gone. */
export async function removeCgroup(folder: string): Promise<void> {
  const deadline = Date.now() + removeTimeoutMs
  for (;;) {
    try {
      return await removeTree(folder)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') return
      // EBUSY: the kernel is still taking leave of the processes that were killed.
      if (code !== 'EBUSY' || Date.now() > deadline) throw error
      await sleep(100)
    }
  }
}

/** The files of a group cannot be removed and need not be: they go with their folder. */
async function removeTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeTree(join(folder, entry.name))
  }
  await rmdir(folder)
}
