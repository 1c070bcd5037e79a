import { describe, expect, it } from 'vitest'
import type { Pod } from '../../src/kube/kinds.ts'
import { problemOf } from '../../src/operator/pod-problem.ts'
import { aKubePod, NOW } from './builders.ts'

const problemIn = (pod: Pod) => problemOf(pod, NOW)

const crashed = (message: string | undefined, overrides = {}) => ({
  terminated: { exitCode: 1, reason: 'Error', ...(message === undefined ? {} : { message }), ...overrides },
})
const backOff = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s restarting failed container' } }

describe('problemOf', () => {
  it('finds none in a pod that runs, is created, or crashed once and runs again', () => {
    expect(problemIn(aKubePod())).toBeUndefined()
    expect(problemIn(aKubePod({ state: { waiting: { reason: 'ContainerCreating' } } }))).toBeUndefined()
    expect(problemIn(aKubePod({ restartCount: 1, lastState: crashed('killed') }))).toBeUndefined()
    expect(problemIn(aKubePod({ state: crashed('first') }))).toBeUndefined()
  })

  it('says why no node takes the pod', () => {
    const conditions = [
      { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes: insufficient cpu' },
    ]
    expect(problemIn(aKubePod({}, { conditions, containerStatuses: [] }))).toEqual({
      reason: 'Unschedulable',
      message: 'no node for the pod: 0/3 nodes: insufficient cpu',
    })
  })

  it.each(['InvalidImageName', 'CreateContainerConfigError', 'RunContainerError'])(
    'passes %s on in Kubernetes’ own words',
    (reason) => {
      const state = { waiting: { reason, message: 'secret "s3" not found' } }
      expect(problemIn(aKubePod({ state }))).toEqual({ reason, message: 'secret "s3" not found' })
    },
  )

  it.each(['ErrImagePull', 'RegistryUnavailable', 'SignatureValidationFailed'])(
    'says the same in both states between which the kubelet goes while an image cannot be pulled (%s)',
    (reason) => {
      const cause = 'failed to resolve reference "i": i: not found'
      const problem = { reason: 'ImagePullBackOff', message: `image i cannot be pulled: ${cause}` }
      const states = [
        { reason, message: cause },
        { reason: 'ImagePullBackOff', message: `Back-off pulling image "i": ${reason}: ${cause}` },
      ]
      for (const waiting of states) expect(problemIn(aKubePod({ state: { waiting } }))).toEqual(problem)
    },
  )

  it('gives the last words of a sink that crashes again and again, without the syntax of the log', () => {
    const lastState = crashed(
      '{"level":"info","msg":"a"}\n{"level":"fatal","error":"no such file","msg":"the sink cannot run"}\n',
    )
    expect(problemIn(aKubePod({ state: backOff, lastState, restartCount: 3 }))).toEqual({
      reason: 'CrashLoopBackOff',
      message: 'the sink ends with exit code 1: the sink cannot run: no such file',
    })
  })

  it.each([
    [
      "TypeError: x is not a function\n    at run (sink.js:1:37) {\n  code: 'E'\n}\n\nNode.js v24.21.0\n",
      'TypeError: x is not a function',
    ],
    [
      'FATAL ERROR: JavaScript heap out of memory\n----- Native stack trace -----\n\n 1: 0xe16044  [node]\n',
      'FATAL ERROR: JavaScript heap out of memory',
    ],
  ])(
    'gives of what Node says of an error that nobody caught the error, not where it came from (%#)',
    (words, error) => {
      const lastState = crashed(`{"level":"info","msg":"a"}\n${words}`)
      expect(problemIn(aKubePod({ state: backOff, lastState, restartCount: 3 }))?.message).toBe(
        `the sink ends with exit code 1: ${error}`,
      )
    },
  )

  it('gives the end of words that are no log line of ours, cut to a line', () => {
    const lastState = crashed(`boom\n    at ${'x'.repeat(400)}`)
    const { message } = problemIn(aKubePod({ state: backOff, lastState, restartCount: 3 })) ?? { message: '' }
    expect(message).toMatch(/^the sink ends with exit code 1: …x{300}$/)
  })

  it('names the signal of a sink that was killed, and what to do about too little memory', () => {
    const killed = crashed(undefined, { signal: 9, exitCode: 137 })
    expect(problemIn(aKubePod({ state: backOff, lastState: killed, restartCount: 2 }))?.message).toBe(
      'the sink ends with signal 9',
    )
    const oom = crashed(undefined, { reason: 'OOMKilled', exitCode: 137 })
    expect(problemIn(aKubePod({ state: backOff, lastState: oom, restartCount: 2 }))).toEqual({
      reason: 'OOMKilled',
      message: 'the sink needs more memory than its limit allows: raise spec.resources.limits.memory',
    })
  })

  it('holds on through the start after a back-off, until the sink is ready', () => {
    const loop = { lastState: crashed('boom'), restartCount: 2 }
    expect(problemIn(aKubePod(loop))?.reason).toBe('CrashLoopBackOff')
    expect(problemIn(aKubePod({ ...loop, ready: true }))).toBeUndefined()
  })

  it('does not blame crashes of long ago for a sink that is not ready for a moment', () => {
    const runningFor = (ms: number) => ({ running: { startedAt: new Date(NOW - ms).toISOString() } })
    const loop = { lastState: crashed('boom'), restartCount: 2 }
    expect(problemIn(aKubePod({ ...loop, state: runningFor(599_000) }))?.reason).toBe('CrashLoopBackOff')
    expect(problemIn(aKubePod({ ...loop, state: runningFor(600_000) }))).toBeUndefined()
  })

  it('does not take one crash of a sink that had run for long for a loop, however often it crashed before', () => {
    const ranFor = (ms: number) =>
      crashed('boom', { startedAt: new Date(NOW - ms).toISOString(), finishedAt: new Date(NOW).toISOString() })
    const started = { running: { startedAt: new Date(NOW).toISOString() } }
    for (const ended of [{ state: ranFor(600_000) }, { state: started, lastState: ranFor(600_000) }])
      expect(problemIn(aKubePod({ ...ended, restartCount: 3 }))).toBeUndefined()
    const soon = { state: started, lastState: ranFor(599_000), restartCount: 3 }
    expect(problemIn(aKubePod(soon))?.reason).toBe('CrashLoopBackOff')
  })

  it('tells each time that a sink was killed for want of memory, however long it had run, until it is ready', () => {
    const at = (ms: number) => new Date(NOW - ms).toISOString()
    const oom = crashed(undefined, { reason: 'OOMKilled', startedAt: at(9_000_000), finishedAt: at(1_000) })
    const again = { lastState: oom, restartCount: 1 }
    expect(problemIn(aKubePod({ state: oom }))?.reason).toBe('OOMKilled')
    expect(problemIn(aKubePod({ ...again, state: { running: { startedAt: at(500) } } }))?.reason).toBe('OOMKilled')
    expect(problemIn(aKubePod({ ...again, ready: true }))).toBeUndefined()
    expect(problemIn(aKubePod({ ...again, state: { running: { startedAt: at(600_000) } } }))).toBeUndefined()
  })

  it('names what keeps a sink that crashed from being begun again, and not its crashes', () => {
    const waiting = { reason: 'CreateContainerConfigError', message: 'secret "s3" not found' }
    const loop = { lastState: crashed('boom'), restartCount: 3 }
    expect(problemIn(aKubePod({ ...loop, state: { waiting } }))).toEqual(waiting)
    const pull = { reason: 'ErrImagePull', message: 'not found' }
    expect(problemIn(aKubePod({ ...loop, state: { waiting: pull } }))?.reason).toBe('ImagePullBackOff')
    for (const reason of ['ContainerCreating', 'RunContainerError'])
      expect(problemIn(aKubePod({ ...loop, state: { waiting: { reason } } }))?.reason).toBe('CrashLoopBackOff')
  })

  it('says what is wrong with a container that others have put before the sink, while the sink waits for it', () => {
    const sink = { state: { waiting: { reason: 'PodInitializing' } } }
    const agent = (overrides: object) => [
      { name: 'agent', image: 'a', imageID: 'a', ready: false, restartCount: 0, state: {}, ...overrides },
    ]
    const problemWith = (overrides: object) => problemIn(aKubePod(sink, { initContainerStatuses: agent(overrides) }))
    expect(problemWith({ state: { running: {} } })).toBeUndefined()
    expect(problemWith({ state: { waiting: { reason: 'ErrImagePull', message: 'no such image' } } })).toEqual({
      reason: 'ImagePullBackOff',
      message: 'image a cannot be pulled: no such image',
    })
    expect(problemWith({ state: backOff, lastState: crashed('no token'), restartCount: 3 })).toEqual({
      reason: 'CrashLoopBackOff',
      message: 'init container agent ends with exit code 1: no token',
    })
    const oom = crashed(undefined, { reason: 'OOMKilled' })
    expect(problemWith({ state: backOff, lastState: oom, restartCount: 3 })?.message).toBe(
      'init container agent needs more memory than its limit allows',
    )
    const begun = aKubePod({}, { initContainerStatuses: agent({ state: backOff, restartCount: 9 }) })
    expect(problemIn(begun)).toBeUndefined()
  })

  it('takes a pod that has a node and does not begin for stuck after five minutes: only its Events say why', () => {
    const pendingFor = (ms: number, phase = 'Pending') =>
      aKubePod(
        { state: { waiting: { reason: 'ContainerCreating' } } },
        { phase, startTime: new Date(NOW - ms).toISOString() },
      )
    expect(problemIn(pendingFor(299_000))).toBeUndefined()
    expect(problemIn(pendingFor(300_000, 'Running'))).toBeUndefined()
    expect(problemIn(pendingFor(300_000))).toEqual({
      reason: 'ProgressDeadlineExceeded',
      message: 'has a node for 5 minutes and has not begun: kubectl describe pod shows what it waits for',
    })
    expect(problemIn(aKubePod({}, { phase: 'Pending' }))).toBeUndefined()
  })

  it('does not mind the container of a mesh beside the sink', () => {
    const pod = aKubePod()
    const mesh = { name: 'proxy', image: 'p', imageID: 'p', ready: false, restartCount: 9, state: backOff }
    expect(
      problemIn({ ...pod, status: { containerStatuses: [mesh, ...(pod.status?.containerStatuses ?? [])] } }),
    ).toBeUndefined()
  })
})
