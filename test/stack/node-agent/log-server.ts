import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { lastLines, logSize, readLog } from './container-log.ts'
import type { ContainerRunner } from './container-runner.ts'

export interface LogServer {
  readonly port: number
  close(): Promise<void>
}

type Find = (namespace: string, name: string, container: string) => ContainerRunner

const FOLLOW_POLL_MS = 250

/**
 * Serves the one endpoint of a kubelet that `kubectl logs` needs, /containerLogs/{namespace}/{pod}/{container}, with follow, tailLines,
 * limitBytes and previous. Lines carry no times of their own, so timestamps, sinceSeconds and sinceTime are refused. The API server does
 * not verify this certificate unless told to.
 *
 * @throws Error when openssl, which makes the certificate, is missing
 */
export async function startLogServer(host: string, dir: string, find: Find): Promise<LogServer> {
  const key = join(dir, 'log-server.key')
  const cert = join(dir, 'log-server.crt')
  const subject = ['-subj', `/CN=${host}`, '-days', '3650', '-keyout', key, '-out', cert]
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await promisify(execFile)('openssl', ['req', '-x509', ...newKey, ...subject])
  const server = createServer({ key: await readFile(key), cert: await readFile(cert) }, (request, response) => {
    answer(request, response, find).catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else response.writeHead(404).end(error instanceof Error ? error.message : String(error))
    })
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, host, resolve))
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { port: (server.address() as AddressInfo).port, close }
}

async function answer(request: IncomingMessage, response: ServerResponse, find: Find): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://node')
  const [, root, namespace = '', name = '', container = ''] = url.pathname.split('/')
  if (root !== 'containerLogs') return void response.writeHead(404).end('this node agent serves container logs only')
  const refused = ['timestamps', 'sinceSeconds', 'sinceTime'].find(
    (option) => (url.searchParams.get(option) ?? 'false') !== 'false',
  )
  if (refused) return void response.writeHead(400).end(`this node agent does not support ${refused} of logs`)
  const runner = find(namespace, name, container)
  const { waiting } = runner.status().state
  if (waiting && runner.attemptStarts.length === 0) {
    return void response
      .writeHead(400)
      .end(`container "${container}" in pod "${name}" is waiting to start: ${waiting.reason}`)
  }
  const { start, end } = range(runner, url.searchParams.get('previous') === 'true')
  const until = end ?? (await logSize(runner.logFile))
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
  response.write(limited(await readLog(runner.logFile, start, until), url.searchParams))
  if (url.searchParams.get('follow') === 'true' && end === undefined) await follow(runner, until, response)
  response.end()
}

/** The bytes of the current attempt, or of the one before. */
function range({ attemptStarts }: ContainerRunner, previous: boolean): { start: number; end?: number } {
  const current = attemptStarts.at(-1) ?? 0
  if (!previous) return { start: current }
  const start = attemptStarts.at(-2)
  if (start === undefined) throw new Error('previous terminated container not found')
  return { start, end: current }
}

function limited(log: Buffer, options: URLSearchParams): Buffer {
  const lines = options.get('tailLines')
  const tail = lines === null ? log : Buffer.from(lastLines(log.toString('utf8'), Number(lines)))
  const bytes = options.get('limitBytes')
  return bytes === null ? tail : tail.subarray(0, Number(bytes))
}

/** Until the container's attempt is over or the reader has gone. */
async function follow(runner: ContainerRunner, from: number, response: ServerResponse): Promise<void> {
  const attempts = runner.attemptStarts.length
  let position = from
  while (!response.destroyed) {
    const over = runner.attemptStarts.length > attempts || !runner.status().state.running
    const more = await readLog(runner.logFile, position)
    if (more.length > 0) response.write(more)
    position += more.length
    if (over) return
    await delay(FOLLOW_POLL_MS)
  }
}
