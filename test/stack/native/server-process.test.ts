import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePorts } from './free-ports.ts'
import { ServerProcess } from './server-process.ts'

let dir: string
let port: number
let server: ServerProcess
let news: string[]

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'server-test-'))
  ;[port = 0] = await freePorts(1)
  news = []
})

afterEach(async () => {
  await server.stop('SIGKILL')
  await rm(dir, { recursive: true, force: true })
})

function serverRunning(script: string): ServerProcess {
  server = new ServerProcess({
    name: 'test-server',
    command: process.execPath,
    args: ['-e', script],
    cwd: dir,
    logPath: join(dir, 'log'),
    isReady: async () => (await fetch(`http://127.0.0.1:${port}`)).ok,
    onUnexpectedExit: (line) => news.push(line),
  })
  return server
}

const answering = () =>
  `require('node:http').createServer((_, r) => r.end(String(process.pid))).listen(${port}, '127.0.0.1')`
const ask = async () => (await fetch(`http://127.0.0.1:${port}`)).text()

describe('ServerProcess', () => {
  it('serves when start resolves, is gone when stop resolves, and comes back as a new process at the same port', async () => {
    serverRunning(answering())
    await server.start()
    const firstPid = await ask()
    await server.stop()
    await expect(ask()).rejects.toThrow()
    await server.start()
    expect(await ask()).not.toBe(firstPid)
    expect(news).toEqual([])
  })

  it('shows the end of the log when the server cannot start', async () => {
    serverRunning('console.error("port is taken"); process.exit(3)')
    await expect(server.start()).rejects.toThrow(/test-server ended while starting.*port is taken/s)
  })

  it('reports a server that ends by itself', async () => {
    serverRunning(answering())
    await server.start()
    process.kill(Number(await ask()), 'SIGKILL')
    await expect.poll(() => news.length).toBe(1)
    expect(news[0]).toContain('test-server ended by itself (SIGKILL)')
  })

  it('can be stopped twice', async () => {
    serverRunning(answering())
    await server.start()
    await Promise.all([server.stop(), server.stop('SIGKILL')])
  })
})
