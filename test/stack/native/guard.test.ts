import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isAlive } from './lock.ts'

/** A process that guards a folder, a control group and a child (which has a child itself), and tells their numbers. */
async function startParent(folder: string, group: string) {
  const script = `
    import { spawn } from 'node:child_process'
    const { guardCgroup, guardFolder, guardProcessGroup } = await import(${JSON.stringify(import.meta.resolve('./guard.ts'))})
    guardFolder(${JSON.stringify(folder)})
    guardCgroup(${JSON.stringify(group)})
    const child = spawn('/bin/sh', ['-c', 'sleep 100 & echo $!; wait'], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
    guardProcessGroup(child.pid)
    child.stdout.on('data', (grandchild) => console.log(child.pid, Number(grandchild)))
    setInterval(() => {}, 1000)`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const line = await new Promise<string>((resolve) => parent.stdout.once('data', (data) => resolve(String(data))))
  return { parent, pids: line.trim().split(' ').map(Number) }
}

describe('the guard', () => {
  it('ends guarded process groups and removes guarded folders and control groups when their process is killed -9', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'guard-test-'))
    // To remove one, only its folders can be removed, the deepest first: these stand for it.
    const group = await mkdtemp(join(tmpdir(), 'guard-test-'))
    await mkdir(join(group, 'pods/pod'), { recursive: true })
    const { parent, pids } = await startParent(folder, group)
    expect(pids.map(isAlive)).toEqual([true, true])
    parent.kill('SIGKILL')
    await expect.poll(() => pids.some(isRunning), { timeout: 5_000 }).toBe(false)
    await expect.poll(() => existsSync(folder), { timeout: 5_000 }).toBe(false)
    await expect.poll(() => existsSync(group), { timeout: 5_000 }).toBe(false)
  })
})

/** An orphan that ended stays in the process table until the system's first process has taken note. */
function isRunning(pid: number): boolean {
  return isAlive(pid) && !isZombie(pid)
}

function isZombie(pid: number): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
