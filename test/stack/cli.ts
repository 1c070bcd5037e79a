/**
 * `npm run stack:up` and `npm run stack:down`: the servers for a person or a script. They are held by a process of
 * their own (`supervise`), which outlives `up` and ends them when it is told to, or when it dies.
 */
import { spawn } from 'node:child_process'
import { existsSync, openSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { serveControl } from './control-server.ts'
import { startStack } from './stack.ts'
import { clearStackFolder, paths, readStackFolder, stackFolder, writeStackFolder } from './stack-folder.ts'

/** What the supervisor tells `up` while it starts. */
type News = { readonly progress: string } | { readonly up: true } | { readonly failed: string }

const commands: Record<string, () => Promise<number>> = { up, down, supervise }

async function up(): Promise<number> {
  if ((await readStackFolder()) !== undefined) {
    console.log('The servers are already up.\n')
    return showEnvironment()
  }
  const failure = await startSupervisor()
  if (failure !== undefined) {
    console.error(`The servers cannot be started: ${failure}`)
    return 1
  }
  console.log('\nThe servers are up.\n')
  return showEnvironment()
}

/** Resolves with the reason when the servers do not come up. Ctrl-C, and the death of this process, end the start. */
async function startSupervisor(): Promise<string | undefined> {
  await mkdir(stackFolder, { recursive: true })
  const log = openSync(paths.log, 'w')
  const supervisor = spawn(process.execPath, [...process.execArgv, import.meta.filename, 'supervise'], {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  })
  process.once('SIGINT', () => supervisor.disconnect())
  process.once('SIGTERM', () => supervisor.disconnect())
  const failure = await new Promise<string | undefined>((resolve) => {
    supervisor.on('message', (news: News) => {
      if ('progress' in news) console.log(news.progress)
      else resolve('failed' in news ? news.failed : undefined)
    })
    supervisor.once('exit', () => resolve(`interrupted; see ${relative('.', paths.log)}`))
  })
  if (supervisor.connected) supervisor.disconnect()
  supervisor.unref()
  return failure
}

async function showEnvironment(): Promise<number> {
  console.log(await readFile(paths.environment, 'utf8'))
  console.log(`In a shell: . ${relative('.', paths.environment)}`)
  console.log(
    'Then, each in a terminal of its own: npm run operator, npm run stack:events, and npm run admin for the REST API',
  )
  console.log('To end the servers: npm run stack:down')
  return 0
}

async function down(): Promise<number> {
  const stack = await readStackFolder()
  if (stack === undefined) {
    await clearStackFolder()
    console.log('No servers are up.')
    return 0
  }
  await fetch(`${stack.controlUrl}stop`, { method: 'POST' })
  while ((await readStackFolder()) !== undefined) await sleep(100)
  console.log('The servers are down.')
  return 0
}

/** Holds the servers until it is told to stop. */
async function supervise(): Promise<number> {
  const tell = (news: News) => void (process.connected && process.send?.(news))
  const progress = (line: string) => {
    console.log(line)
    tell({ progress: line })
  }
  let isUp = false
  process.once('disconnect', () => {
    // Nobody waits any more: unless it is complete, the start is given up, and the guard ends what it had begun.
    if (!isUp) process.exit(1)
  })
  try {
    const stack = await startStack({
      progress,
      dir: paths.data,
      ...(existsSync(paths.crds) ? { crds: paths.crds } : {}),
    })
    const ended = Promise.withResolvers<void>()
    const control = await serveControl(stack, ended.resolve)
    await writeStackFolder(control.remote)
    isUp = true
    tell({ up: true })
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.resolve())
    await untilEnded(ended.promise)
    await stack.stop()
    await clearStackFolder()
    control.close()
    return 0
  } catch (error) {
    tell({ failed: (error as Error).message })
    console.error(error)
    return 1
  }
}

/** A promise alone does not keep a process alive. */
async function untilEnded(ended: Promise<void>): Promise<void> {
  const hour = setInterval(() => undefined, 3_600_000)
  await ended
  clearInterval(hour)
}

const command = commands[process.argv[2] ?? '']
if (command === undefined) {
  console.error('usage: cli.ts up | down')
  process.exit(2)
}
process.exit(await command())
