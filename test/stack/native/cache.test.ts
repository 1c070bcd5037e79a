import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cached, cacheKey, cacheRoot, type Recipe } from './cache.ts'

let root: string
let lines: string[]
const children: ChildProcess[] = []

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cache-test-'))
  lines = []
})

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await rm(root, { recursive: true, force: true })
})

function recipe(build: (dir: string) => Promise<void>, inputs: string[] = []): Recipe {
  return { name: 'tool', version: '1.0', inputs, build }
}

const options = () => ({ root, progress: (line: string) => lines.push(line) })
const finishedPath = () => join(root, cacheKey(recipe(async () => undefined)))

/** Another process that builds the same thing in the same cache and waits in the middle. */
async function startBuilder(): Promise<ChildProcess> {
  const script = `
    import { writeFile } from 'node:fs/promises'
    const { cached } = await import(${JSON.stringify(import.meta.resolve('./cache.ts'))})
    const build = async (dir) => {
      await writeFile(dir + '/half', '')
      console.log('half')
      await new Promise((resolve) => process.stdin.once('data', resolve))
      await writeFile(dir + '/by', 'the other process')
    }
    await cached({ name: 'tool', version: '1.0', inputs: [], build }, { root: ${JSON.stringify(root)}, progress: () => {} })
    process.exit()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  await new Promise((resolve) => child.stdout?.once('data', resolve))
  return child
}

describe('cached', () => {
  it('builds once and returns the same folder afterwards', async () => {
    let builds = 0
    const build = async (dir: string) => {
      builds += 1
      await writeFile(join(dir, 'program'), 'x')
    }
    const first = await cached(recipe(build), options())
    const second = await cached(recipe(build), options())
    expect([first, second, builds]).toEqual([finishedPath(), finishedPath(), 1])
    expect(await readFile(join(first, 'program'), 'utf8')).toBe('x')
  })

  it('leaves nothing behind when a build fails, and builds again the next time', async () => {
    const failing = recipe(async (dir) => {
      await writeFile(join(dir, 'half'), '')
      throw new Error('no network')
    })
    await expect(cached(failing, options())).rejects.toThrow('no network')
    expect(await readdir(root)).toEqual([])
    await cached(
      recipe(async () => undefined),
      options(),
    )
    expect(existsSync(finishedPath())).toBe(true)
  })

  it('builds once when two runs in one process ask at the same time', async () => {
    let builds = 0
    const build = async () => {
      builds += 1
      await sleep(20)
    }
    await Promise.all([cached(recipe(build), options()), cached(recipe(build), options())])
    expect(builds).toBe(1)
  })

  it('waits for another process that is building, says so, and takes its result', async () => {
    const builder = await startBuilder()
    const result = cached(
      recipe(() => Promise.reject(new Error('built twice'))),
      options(),
    )
    await expect.poll(() => lines).toEqual([`waiting for process ${builder.pid}, which is making tool 1.0`])
    expect(existsSync(finishedPath())).toBe(false)
    builder.stdin?.write('go on\n')
    expect(await readFile(join(await result, 'by'), 'utf8')).toBe('the other process')
  })

  it('takes over from a process that was killed in the middle, and never shows its half of a build', async () => {
    const builder = await startBuilder()
    builder.kill('SIGKILL')
    await new Promise((resolve) => builder.once('exit', resolve))
    expect(existsSync(finishedPath())).toBe(false)
    const folder = await cached(
      recipe((dir) => writeFile(join(dir, 'whole'), '')),
      options(),
    )
    expect(await readdir(folder)).toEqual(['whole'])
    expect(await readdir(root)).toEqual([cacheKey(recipe(async () => undefined))])
  })

  it('keeps the unfinished folder of a process that is alive', async () => {
    const others = `${finishedPath()}.tmp-${process.ppid}-abc`
    await mkdir(others)
    await cached(
      recipe(async () => undefined),
      options(),
    )
    expect(existsSync(others)).toBe(true)
  })
})

describe('cacheKey', () => {
  it('changes with every input, and keeps name and version readable', () => {
    const one = cacheKey(recipe(async () => undefined, ['flags']))
    const other = cacheKey(recipe(async () => undefined, ['other flags']))
    expect(one).toMatch(/^tool-1\.0-[0-9a-f]{10}$/)
    expect(other).not.toBe(one)
  })
})

describe('cacheRoot', () => {
  it('is in XDG_CACHE_HOME, or in .cache of the home folder when that is unset or relative', () => {
    expect(cacheRoot({ XDG_CACHE_HOME: '/var/cache/me' })).toBe('/var/cache/me/analytics-connector')
    expect(cacheRoot({})).toMatch(/\/\.cache\/analytics-connector$/)
    expect(cacheRoot({ XDG_CACHE_HOME: 'relative' })).toBe(cacheRoot({}))
  })
})
