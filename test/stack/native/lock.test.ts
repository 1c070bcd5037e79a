import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acquireLock, isAlive } from './lock.ts'

let dir: string
let path: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lock-test-'))
  path = join(dir, 'lock')
})

afterEach(() => rm(dir, { recursive: true, force: true }))

/** No process has this number: the kernel gives none above 4194304. */
const deadPid = 99_999_999

describe('acquireLock', () => {
  it('lets one holder in at a time', async () => {
    let inside = 0
    let most = 0
    const enter = async () => {
      const release = await acquireLock(path, () => undefined)
      inside += 1
      most = Math.max(most, inside)
      await new Promise((resolve) => setTimeout(resolve, 5))
      inside -= 1
      await release()
    }
    await Promise.all([enter(), enter(), enter()])
    expect(most).toBe(1)
  })

  it('takes over the lock of a dead process', async () => {
    await writeFile(path, `${deadPid} x`)
    const release = await acquireLock(path, () => undefined)
    await release()
    expect(await readdir(dir)).toEqual([])
  })

  it('takes over from a process number that is used again: the holder shows itself no more', async () => {
    await writeFile(path, `${process.ppid} x`)
    const longAgo = new Date(Date.now() - 120_000)
    await utimes(path, longAgo, longAgo)
    const release = await acquireLock(path, () => undefined)
    await release()
  })

  it('tells once whom it waits for', async () => {
    const told: string[] = []
    const release = await acquireLock(path, () => undefined)
    const second = acquireLock(path, (holder) => told.push(holder))
    await new Promise((resolve) => setTimeout(resolve, 600))
    await release()
    await (await second)()
    expect(told).toEqual([String(process.pid)])
  })
})

describe('isAlive', () => {
  it('knows this process and no others', () => {
    expect([process.pid, deadPid, 0, Number.NaN].map(isAlive)).toEqual([true, false, false, false])
  })
})
