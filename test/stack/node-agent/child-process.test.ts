import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { runBeside, StartError, startProcess } from './child-process.ts'

let dir: string
let logFile: string
const env = { PATH: '/usr/bin:/bin', ONLY: 'this' }

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'child-process-'))
  logFile = join(dir, 'c.log')
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const shell = (script: string) => startProcess({ argv: ['sh', '-c', script], env, cwd: dir, logFile })
const log = () => readFile(logFile, 'utf8')

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** The number that a script has written into its log. */
function loggedPid(): Promise<number> {
  return vi.waitUntil(async () => Number(/^(\d+)$/m.exec(await log().catch(() => ''))?.[1] ?? 0) || undefined, 5_000)
}

describe('a process', () => {
  test('writes both outputs into its log and tells its exit code', async () => {
    expect(await shell('echo out; echo err >&2; exit 3').exited).toEqual({ exitCode: 3 })
    expect(await log()).toBe('out\nerr\n')
  })

  test('sees nothing of the environment of the agent', async () => {
    await shell('env').exited
    const names = (await log()).split('\n').map((line) => line.split('=')[0])
    expect(names.filter((name) => name && !['PWD', '_', 'OLDPWD', 'SHLVL'].includes(name)).sort()).toEqual([
      'ONLY',
      'PATH',
    ])
  })

  test('is asked to end by SIGTERM and may take its time', async () => {
    const child = shell('trap "echo bye; exit 5" TERM; echo $$; while :; do sleep 0.05; done')
    await loggedPid()
    child.signal('SIGTERM')
    expect(await child.exited).toEqual({ exitCode: 5 })
    expect(await log()).toContain('bye')
  })

  test('killed by a signal ends with 128 and the number of the signal', async () => {
    const child = shell('exec sleep 100')
    child.signal('SIGKILL')
    expect(await child.exited).toEqual({ exitCode: 137 })
  })

  test('takes with it what it started', async () => {
    const child = shell('sleep 100 & echo $!')
    expect(await child.exited).toEqual({ exitCode: 0 })
    const left = await loggedPid()
    await vi.waitUntil(() => !alive(left), 5_000)
  })

  test.each([
    ['nowhere', 'executable file not found in $PATH'],
    ['/no/such', 'stat /no/such: no such file or directory'],
  ])('%s cannot be started', (command, why) => {
    const start = () => startProcess({ argv: [command], env, cwd: dir, logFile })
    expect(start).toThrow(StartError)
    expect(start).toThrow(why)
  })

  test('cannot be started in a folder that does not exist', () => {
    expect(() => startProcess({ argv: ['true'], env, cwd: join(dir, 'no'), logFile })).toThrow(StartError)
  })
})

test('kill -9 of the agent ends its processes and what they started', async () => {
  const script = join(dir, 'agent.ts')
  const argv = ['sh', '-c', 'trap "" TERM; sleep 100 & echo $!; while :; do sleep 1; done']
  const spec = JSON.stringify({ argv, env, cwd: dir, logFile })
  const module = JSON.stringify(join(import.meta.dirname, 'child-process.ts'))
  await writeFile(script, `import { startProcess } from ${module}\nconsole.log(startProcess(${spec}).pid)\n`)
  const agent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [main] = (await agent.stdout.take(1).toArray()) as [Buffer]
  const pids = [Number(main), await loggedPid()]
  expect(pids.map(alive)).toEqual([true, true])
  agent.kill('SIGKILL')
  await vi.waitUntil(() => !pids.some(alive), 5_000)
})

describe('a command run beside a container', () => {
  const beside = (script: string, timeoutMs = 5_000) =>
    runBeside({ argv: ['sh', '-c', script], env, cwd: dir }, timeoutMs)

  test('tells its exit code and output', async () => {
    expect(await beside('echo out; echo err >&2; exit 4')).toEqual({ exitCode: 4, output: 'out\nerr' })
    expect(await beside('true')).toEqual({ exitCode: 0, output: '' })
  })

  test('that takes too long has failed', async () => {
    expect(await Promise.race([beside('exec sleep 100', 50), delay(5_000)])).toMatchObject({ exitCode: 137 })
  })
})
