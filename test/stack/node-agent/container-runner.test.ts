import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Api } from './api.ts'
import { ContainerRunner } from './container-runner.ts'
import { aContainer, aPod, nodeFacts, objects } from './fixtures.ts'
import type { ObjectSource } from './object-cache.ts'
import type { Container, ContainerStatus, Pod } from './pod.ts'
import { PodVolumes } from './pod-volumes.ts'

let podFolder: string
let runners: ContainerRunner[]

beforeEach(async () => {
  podFolder = await mkdtemp(join(tmpdir(), 'container-runner-'))
  runners = []
})
afterEach(async () => {
  for (const runner of runners) {
    runner.terminate(0)
    await runner.kill()
  }
  await rm(podFolder, { recursive: true, force: true })
})

interface Run {
  readonly runner: ContainerRunner
  /** Every status there was, without repetitions. */
  readonly seen: ContainerStatus[]
  readonly events: string[]
  readonly over: Promise<void>
}

function run(fields: Partial<Container>, spec: Partial<Pod['spec']> = {}, source: ObjectSource = objects()): Run {
  const container = aContainer(fields)
  const pod = aPod({ containers: [container], ...spec })
  const api = { connection: { server: 'https://127.0.0.1:6443' } } as Api
  const volumes = new PodVolumes(podFolder, { facts: nodeFacts, objects: source, token: async () => '' })
  const logFile = join(podFolder, 'web.log')
  const seen: ContainerStatus[] = []
  const events: string[] = []
  const context = { api, pod, container, facts: nodeFacts, objects: source, volumes, podFolder, logFile }
  const runner: ContainerRunner = new ContainerRunner(context, {
    images: { 'sh:1': ['/bin/sh', '-c'] },
    changed: () => {
      const status = runner.status()
      if (!isDeepStrictEqual(status, seen.at(-1))) seen.push(status)
    },
    event: (_type, reason, message) => events.push(`${reason}: ${message}`),
  })
  runners.push(runner)
  return { runner, seen, events, over: runner.run() }
}

const stateOf = ({ runner }: Run) => runner.status().state
const log = () => readFile(join(podFolder, 'web.log'), 'utf8')
const until = (condition: () => boolean) => vi.waitUntil(condition, { timeout: 10_000, interval: 20 })

describe('a container', () => {
  test('that succeeds once is over', async () => {
    const one = run(
      { args: ['echo hello $(GREETED)'], env: [{ name: 'GREETED', value: 'you' }] },
      { restartPolicy: 'Never' },
    )
    await one.over
    expect(stateOf(one).terminated).toMatchObject({ exitCode: 0, reason: 'Completed' })
    expect(await log()).toBe('hello you\n')
    expect(one.seen[0]).toMatchObject({ ready: true, started: true, state: { running: {} } })
  })

  test('that fails tells the end of its log when asked to', async () => {
    const fields = { args: ['echo why; exit 7'], terminationMessagePolicy: 'FallbackToLogsOnError' } as const
    const one = run(fields, { restartPolicy: 'Never' })
    await one.over
    expect(stateOf(one).terminated).toMatchObject({ exitCode: 7, reason: 'Error', message: 'why\n' })
  })

  test('that crashes starts again at once and then backs off', async () => {
    const one = run({ args: ['exit 1'] })
    await until(() => stateOf(one).waiting?.reason === 'CrashLoopBackOff')
    const reasons = one.seen.map(({ state }) => Object.keys(state)[0])
    expect(reasons).toEqual(['running', 'terminated', 'running', 'terminated', 'waiting'])
    expect(one.runner.status()).toMatchObject({ restartCount: 1, lastState: { terminated: { exitCode: 1 } } })
    expect(stateOf(one).waiting?.message).toBe('back-off 1s restarting failed container=web pod=web-0_games(u-1)')
    await until(() => one.runner.status().restartCount === 2)
  })

  test('in its back-off ends at once when it shall', async () => {
    const one = run({ args: ['exit 1'] })
    await until(() => stateOf(one).waiting?.reason === 'CrashLoopBackOff')
    const askedAtMs = Date.now()
    one.runner.terminate(30_000)
    await one.over
    expect(Date.now() - askedAtMs).toBeLessThan(500)
    expect(one.runner.status().restartCount).toBe(1)
  })

  test('gets SIGTERM once and, when its grace period is over or was shortened, SIGKILL', async () => {
    const args = ['trap "echo asked" TERM; echo up; while :; do sleep 0.05; done']
    const one = run({ args })
    await until(() => one.seen.length > 0)
    await vi.waitUntil(async () => (await log()).includes('up'), 5_000)
    one.runner.terminate(60_000)
    await vi.waitUntil(async () => (await log()).includes('asked'), 5_000)
    one.runner.terminate(400)
    await one.over
    expect(stateOf(one).terminated).toMatchObject({ exitCode: 137, reason: 'Error' })
    expect(await log()).toBe('up\nasked\n')
  })

  test('above its memory limit is killed and says so', async () => {
    const resources = { limits: { memory: '1Ki' } }
    const one = run({ args: ['sleep 100'], resources }, { restartPolicy: 'Never' })
    await one.over
    expect(stateOf(one).terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled' })
  })

  test('whose liveness probe fails is restarted', async () => {
    const livenessProbe = { exec: { command: ['sh', '-c', 'exit 1'] }, periodSeconds: 0.1, failureThreshold: 2 }
    const one = run({ args: ['exec sleep 100'], livenessProbe })
    await until(() => one.runner.status().restartCount > 0)
    expect(one.events).toContain('Killing: Container web failed liveness probe, will be restarted')
    expect(one.runner.status().lastState.terminated).toMatchObject({ exitCode: 143 })
  })

  test('is ready when its readiness probe says so, and only after the startup probe', async () => {
    const file = join(podFolder, 'ready')
    const probe = (name: string) => ({ exec: { command: ['test', '-e', `${file}${name}`] }, periodSeconds: 0.05 })
    const fields = { startupProbe: { ...probe(''), failureThreshold: 100 }, readinessProbe: probe('') }
    const one = run({ args: [`sleep 0.3; touch ${file}; sleep 100`], ...fields })
    await until(() => one.runner.status().ready)
    const states = one.seen.map(({ started, ready }) => `${started} ${ready}`)
    expect(states).toEqual(['false false', 'true false', 'true true'])
  })

  test('whose configuration is missing waits for it', async () => {
    const later: Record<string, Record<string, string>> = {}
    const source: ObjectSource = { ...objects(), configMap: (name) => objects(later).configMap(name) }
    const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'cfg', key: 'k' } } }]
    const one = run({ args: ['echo $A'], env }, { restartPolicy: 'Never' }, source)
    const message = 'configmap "cfg" not found'
    await until(() => stateOf(one).waiting?.message === message)
    expect(stateOf(one).waiting).toEqual({ reason: 'CreateContainerConfigError', message })
    later.cfg = { k: 'there' }
    await one.over
    expect(await log()).toBe('there\n')
  })

  test('of an unknown image says ErrImagePull, then ImagePullBackOff', async () => {
    const one = run({ image: 'nobody/knows:1' })
    await until(() => stateOf(one).waiting?.reason === 'ImagePullBackOff')
    expect(one.seen.map(({ state }) => state.waiting?.reason)).toEqual(['ErrImagePull', 'ImagePullBackOff'])
    expect(stateOf(one).waiting?.message).toMatch(/^Back-off pulling image "nobody\/knows:1": ErrImagePull: /)
  })

  test('whose command does not exist ends with StartError', async () => {
    const one = run({ command: ['/no/such'] }, { restartPolicy: 'Never' })
    await one.over
    expect(stateOf(one).terminated).toMatchObject({ exitCode: 128, reason: 'StartError' })
  })

  test('of a pod with init containers is refused, not run without them', async () => {
    const one = run({ args: ['echo ran'] }, { restartPolicy: 'Never', initContainers: [aContainer({ name: 'first' })] })
    await one.over
    expect(stateOf(one).terminated?.message).toBe('this node agent does not run init containers')
    await expect(log()).rejects.toThrow('ENOENT')
  })

  test('killed from outside starts again', async () => {
    const one = run({ args: ['exec sleep 100'] })
    await until(() => stateOf(one).running !== undefined)
    await one.runner.kill()
    await until(() => one.runner.status().restartCount === 1 && stateOf(one).running !== undefined)
    expect(one.runner.status().lastState.terminated?.exitCode).toBe(137)
  })
})
