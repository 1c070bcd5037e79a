import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import type { Container, Probe } from './pod.ts'

export interface ProbeResult {
  readonly ok: boolean
  /** The kubelet's wording after "Readiness probe failed: ". */
  readonly message: string
}

export interface ProbeTarget {
  readonly podIP: string
  readonly container: Container
  run(argv: readonly string[], timeoutMs: number): Promise<{ readonly exitCode: number; readonly output: string }>
}

/** Asks a container once: an HTTP status of 200 to 399, an open port or an exit code of 0 is a success. Never rejects. */
export async function checkProbe(probe: Probe, target: ProbeTarget): Promise<ProbeResult> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000
  try {
    if (probe.httpGet) return await checkHttp(probe.httpGet, target, timeoutMs)
    if (probe.tcpSocket) return await checkTcp(probe.tcpSocket, target, timeoutMs)
    if (!probe.exec) return { ok: false, message: 'this node agent has no such kind of probe' }
    const { exitCode, output } = await target.run(probe.exec.command ?? [], timeoutMs)
    return { ok: exitCode === 0, message: output }
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) }
  }
}

function checkHttp(get: NonNullable<Probe['httpGet']>, target: ProbeTarget, timeoutMs: number): Promise<ProbeResult> {
  const host = get.host || target.podIP
  const port = portNumber(get.port, target.container)
  const path = get.path ?? '/'
  const headers = {
    'user-agent': 'kube-probe/1.34',
    ...Object.fromEntries((get.httpHeaders ?? []).map((h) => [h.name, h.value])),
  }
  const options: RequestOptions = { host, port, path, headers, agent: false }
  const url = `${(get.scheme ?? 'HTTP').toLowerCase()}://${host}:${port}${path}`
  return new Promise((resolve) => {
    const answered = (response: IncomingMessage) => {
      response.resume()
      const status = response.statusCode ?? 0
      finish({ ok: status >= 200 && status < 400, message: `HTTP probe failed with statuscode: ${status}` })
    }
    const sent: ClientRequest =
      get.scheme === 'HTTPS'
        ? httpsRequest({ ...options, rejectUnauthorized: false }, answered)
        : httpRequest(options, answered)
    const timer = setTimeout(() => sent.destroy(new Error('context deadline exceeded')), timeoutMs)
    const finish = (result: ProbeResult) => {
      clearTimeout(timer)
      resolve(result)
    }
    sent.on('error', (error) => finish({ ok: false, message: `Get "${url}": ${error.message}` })).end()
  })
}

function checkTcp(tcp: NonNullable<Probe['tcpSocket']>, target: ProbeTarget, timeoutMs: number): Promise<ProbeResult> {
  const address = { host: tcp.host || target.podIP, port: portNumber(tcp.port, target.container) }
  return new Promise((resolve) => {
    const socket = connect({ ...address, timeout: timeoutMs })
    const finish = (ok: boolean, why: string) => {
      socket.destroy()
      resolve({ ok, message: `dial tcp ${address.host}:${address.port}: ${why}` })
    }
    socket.once('connect', () => finish(true, 'connected'))
    socket.once('timeout', () => finish(false, 'i/o timeout'))
    socket.once('error', (error) => finish(false, error.message))
  })
}

function portNumber(port: number | string, container: Container): number {
  if (typeof port === 'number') return port
  const found = container.ports?.find(({ name }) => name === port)
  if (!found) throw new Error(`couldn't find port: "${port}" in container "${container.name}"`)
  return found.containerPort
}
