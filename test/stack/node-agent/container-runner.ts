import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from './api.ts'
import { type ProcessSpec, type RunningProcess, runBeside, StartError, startProcess } from './child-process.ts'
import { entrypointOf, type LaunchContext, launchSpec, refuseUnsupported } from './container-launch.ts'
import { fallbackMessage, logSize } from './container-log.ts'
import { startContainerProbes } from './container-probes.ts'
import { ContainerProgress } from './container-state.ts'
import { watchMemoryLimit } from './memory-limit.ts'
import type { ContainerStatus, Probe } from './pod.ts'
import { CrashBackoff, restarts } from './restart-policy.ts'

export interface ContainerHost {
  readonly images: Readonly<Record<string, readonly string[]>>
  /** The status changed. */
  changed(): void
  event(type: 'Normal' | 'Warning', reason: string, message: string): void
}

/** How often a container that cannot be configured is tried again; a kubelet takes longer. */
const CONFIG_RETRY_MS = 1_000
const PULL_BACKOFF_MS = 5_000
const NEVER = Number.POSITIVE_INFINITY

/** Runs one container of one pod until it is over: pull, configure, start, probe, wait for the exit, back off, again. */
export class ContainerRunner {
  readonly #context: LaunchContext
  readonly #host: ContainerHost
  readonly #progress: ContainerProgress
  readonly #backoff = new CrashBackoff()
  readonly #stopping = new AbortController()
  /** Where in the log each attempt began, the last one the current. */
  readonly attemptStarts: number[] = []
  #process: RunningProcess | undefined
  #killTimer: NodeJS.Timeout | undefined
  #killAtMs = NEVER
  #oomKilled = false
  readonly #lost: boolean

  /** @param previous what an earlier agent reported about this container of this pod */
  constructor(context: LaunchContext, host: ContainerHost, previous?: ContainerStatus) {
    this.#context = context
    this.#host = host
    this.#progress = new ContainerProgress(context.container)
    this.#lost = this.#progress.adopt(previous)
  }

  get name(): string {
    return this.#context.container.name
  }

  get logFile(): string {
    return this.#context.logFile
  }

  status(): ContainerStatus {
    return this.#progress.toStatus()
  }

  /** Resolves when the container has ended for good, by its restart policy or by `terminate`. Never rejects. */
  async run(): Promise<void> {
    if (this.#lost && !(await this.#goesOn(0))) return
    while (!this.#stopping.signal.aborted) {
      const spec = await this.#prepare()
      if (!spec) continue
      const startedAtMs = Date.now()
      await this.#attempt(spec)
      this.#host.changed()
      if (!(await this.#goesOn(Date.now() - startedAtMs))) return
    }
  }

  /** SIGTERM now, SIGKILL after the grace period, no new start. Called again, only a shorter grace period has an effect. */
  terminate(graceMs: number): void {
    this.#stopping.abort()
    this.#end(graceMs)
  }

  /** kill -9 of everything the container runs now; the restart policy decides what follows. */
  async kill(): Promise<void> {
    const process = this.#process
    process?.signal('SIGKILL')
    await process?.exited
  }

  #end(graceMs: number): void {
    const process = this.#process
    const killAtMs = Date.now() + graceMs
    if (!process || killAtMs >= this.#killAtMs) return
    // Once: many programs take a second SIGTERM as an order to give up their orderly end.
    if (this.#killAtMs === NEVER) process.signal('SIGTERM')
    this.#killAtMs = killAtMs
    clearTimeout(this.#killTimer)
    this.#killTimer = setTimeout(() => process.signal('SIGKILL'), graceMs)
  }

  #wait(reason: string, message: string): void {
    this.#progress.wait(reason, message)
    this.#host.changed()
  }

  #pause(ms: number): Promise<void> {
    return delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
  }

  /** @returns undefined when the container cannot be started yet; the status says why */
  async #prepare(): Promise<ProcessSpec | undefined> {
    const { container } = this.#context
    const entrypoint = entrypointOf(container.image, this.#host.images)
    if (!entrypoint) {
      await this.#reportMissingImage()
      return undefined
    }
    try {
      return await launchSpec(this.#context, entrypoint)
    } catch (error) {
      this.#host.event('Warning', 'Failed', `Error: ${messageOf(error)}`)
      this.#wait('CreateContainerConfigError', messageOf(error))
      await this.#pause(CONFIG_RETRY_MS)
      return undefined
    }
  }

  async #reportMissingImage(): Promise<void> {
    const { image, imagePullPolicy } = this.#context.container
    if (imagePullPolicy === 'Never') {
      this.#wait('ErrImageNeverPull', `Container image "${image}" is not present with pull policy of Never`)
      return this.#pause(PULL_BACKOFF_MS)
    }
    const why = `failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`
    this.#host.event('Warning', 'Failed', `Failed to pull image "${image}": ${why}`)
    this.#wait('ErrImagePull', why)
    await this.#pause(CONFIG_RETRY_MS)
    if (this.#stopping.signal.aborted) return
    this.#host.event('Normal', 'BackOff', `Back-off pulling image "${image}"`)
    this.#wait('ImagePullBackOff', `Back-off pulling image "${image}": ErrImagePull: ${why}`)
    await this.#pause(PULL_BACKOFF_MS)
  }

  /** One run of the process, from its start to its exit. */
  async #attempt(spec: ProcessSpec): Promise<void> {
    const { container, pod } = this.#context
    const start = await logSize(this.logFile)
    if (this.#stopping.signal.aborted) return
    this.attemptStarts.push(start)
    this.#progress.run()
    try {
      refuseUnsupported(pod)
      this.#process = startProcess(spec)
    } catch (error) {
      this.#host.event('Warning', 'Failed', `Error: ${messageOf(error)}`)
      return this.#progress.end(128, error instanceof StartError ? error.name : 'ContainerCannotRun', messageOf(error))
    }
    this.#host.event('Normal', 'Started', `Started container ${container.name}`)
    this.#oomKilled = false
    const stops = [this.#startProbes(spec), watchMemoryLimit(container, this.#process.pid, () => this.#outOfMemory())]
    this.#host.changed()
    const { exitCode } = await this.#process.exited
    for (const stop of stops) stop()
    clearTimeout(this.#killTimer)
    this.#killAtMs = NEVER
    this.#process = undefined
    await this.#recordExit(exitCode, start)
  }

  async #recordExit(exitCode: number, logStart: number): Promise<void> {
    const fallBack = exitCode !== 0 && this.#context.container.terminationMessagePolicy === 'FallbackToLogsOnError'
    const message = fallBack ? await fallbackMessage(this.logFile, logStart) : ''
    const reason = this.#oomKilled ? 'OOMKilled' : exitCode === 0 ? 'Completed' : 'Error'
    this.#progress.end(exitCode, reason, message)
  }

  #startProbes(spec: ProcessSpec): () => void {
    const { container, facts } = this.#context
    const run = (argv: readonly string[], timeoutMs: number) => runBeside({ ...spec, argv }, timeoutMs)
    return startContainerProbes(
      container,
      { podIP: facts.podIP, container, run },
      {
        setStarted: (ready) => this.#set({ started: true, ready }),
        setReady: (ready) => this.#set({ ready }),
        unhealthy: (message) => this.#host.event('Warning', 'Unhealthy', message),
        restart: (kind, probe) => this.#restart(kind, probe),
      },
    )
  }

  #set({ started = this.#progress.started, ready }: { readonly started?: boolean; readonly ready: boolean }): void {
    if (this.#progress.started === started && this.#progress.ready === ready) return
    Object.assign(this.#progress, { started, ready })
    this.#host.changed()
  }

  #restart(kind: 'startup' | 'liveness', probe: Probe): void {
    if (this.#stopping.signal.aborted) return
    this.#host.event('Normal', 'Killing', `Container ${this.name} failed ${kind} probe, will be restarted`)
    const { terminationGracePeriodSeconds: ofPod = 30 } = this.#context.pod.spec
    this.#end((probe.terminationGracePeriodSeconds ?? ofPod) * 1000)
  }

  #outOfMemory(): void {
    this.#oomKilled = true
    this.#process?.signal('SIGKILL')
  }

  /** After an exit: false when that was the last one, true after the back-off when there will be another start. */
  async #goesOn(ranMs: number): Promise<boolean> {
    const { pod } = this.#context
    const exitCode = this.#progress.state.terminated?.exitCode ?? 0
    if (this.#stopping.signal.aborted || !restarts(pod.spec.restartPolicy, exitCode)) return false
    this.#progress.forget()
    const delayMs = this.#backoff.next(ranMs)
    if (delayMs === 0) return true
    const { name, namespace, uid } = pod.metadata
    const which = `container=${this.name} pod=${name}_${namespace}(${uid})`
    this.#host.event(
      'Warning',
      'BackOff',
      `Back-off restarting failed container ${this.name} in pod ${name}_${namespace}(${uid})`,
    )
    this.#wait('CrashLoopBackOff', `back-off ${delayMs / 1000}s restarting failed ${which}`)
    await this.#pause(delayMs)
    return true
  }
}
