import { randomBytes } from 'node:crypto'
import { apiTime, type Container, type ContainerState, type ContainerStatus, type Terminated } from './pod.ts'

/** What a container's status is made of, changed by the runner and shown by `toStatus`. */
export class ContainerProgress {
  state: ContainerState = { waiting: { reason: 'ContainerCreating' } }
  lastState: ContainerState = {}
  ready = false
  started = false
  restartCount = 0
  containerID: string | undefined
  readonly #container: Container

  constructor(container: Container) {
    this.#container = container
  }

  wait(reason: string, message?: string): void {
    this.state = { waiting: { reason, ...(message && { message }) } }
  }

  /** A new attempt has begun; the finished one, if any, becomes the last state. */
  run(): void {
    if (this.containerID) this.restartCount += 1
    this.containerID = `process://${randomBytes(32).toString('hex')}`
    this.state = { running: { startedAt: apiTime(Date.now()) } }
  }

  end(exitCode: number, reason: string, message = ''): void {
    const { containerID } = this
    const startedAt = this.state.running?.startedAt
    const terminated: Terminated = {
      exitCode,
      reason,
      ...(message && { message }),
      startedAt: startedAt ?? apiTime(Date.now()),
      finishedAt: apiTime(Date.now()),
      ...(containerID && { containerID }),
    }
    this.state = { terminated }
    this.ready = false
    this.started = false
  }

  /** It will run again: what ended it is history from here on. */
  forget(): void {
    this.lastState = this.state
  }

  /**
   * Takes up what an agent before this one reported. Its processes ended with it, so a container it saw running has been lost.
   *
   * @returns true when the container was running and must be counted as ended
   */
  adopt(previous: ContainerStatus | undefined): boolean {
    if (!previous?.containerID) return false
    this.restartCount = previous.restartCount
    this.containerID = previous.containerID
    this.lastState = previous.lastState
    this.state = previous.state
    if (previous.state.terminated) return true
    if (!previous.state.running) return false
    this.end(137, 'ContainerStatusUnknown', 'The container could not be located when its node agent started')
    return true
  }

  toStatus(): ContainerStatus {
    const { state, lastState, ready, started, restartCount, containerID } = this
    const { name, image } = this.#container
    const id = containerID && { containerID }
    return { name, image, imageID: id ? image : '', ...id, ready, started, restartCount, state, lastState }
  }
}
