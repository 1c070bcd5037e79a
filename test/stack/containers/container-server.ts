import { setTimeout as sleep } from 'node:timers/promises'
import { getContainerRuntimeClient, type StartedTestContainer } from 'testcontainers'
import type { ServerControl } from '../stack.ts'

const stopTimeoutMs = 20_000
const readyTimeoutMs = 60_000
const readyPollMs = 100

/**
 * A server in a container that can be stopped and started again. Testcontainers knows only a restart in one step; and
 * since Docker gives random host ports anew at each start, the container must be created with a fixed one.
 */
export class ContainerServer implements ServerControl {
  readonly #container: StartedTestContainer
  readonly #isReady: () => Promise<boolean>
  readonly #afterStart: () => Promise<void>

  /** @param afterStart renews what depends on the container's address, which may be another one after a start */
  constructor(container: StartedTestContainer, isReady: () => Promise<boolean>, afterStart: () => Promise<void>) {
    this.#container = container
    this.#isReady = isReady
    this.#afterStart = afterStart
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const container = await this.#inEngine()
    if (!(await container.inspect()).State.Running) return
    const gone = container.wait()
    await container.kill({ signal })
    const killer = setTimeout(() => void container.kill({ signal: 'SIGKILL' }).catch(() => undefined), stopTimeoutMs)
    await gone
    clearTimeout(killer)
  }

  async start(): Promise<void> {
    const container = await this.#inEngine()
    if (!(await container.inspect()).State.Running) await container.start()
    await this.#afterStart()
    const deadline = Date.now() + readyTimeoutMs
    while (!(await this.#isReady().catch(() => false))) {
      if (Date.now() > deadline)
        throw new Error(`${this.#container.getName()} does not serve after ${readyTimeoutMs / 1000} s`)
      await sleep(readyPollMs)
    }
  }

  /** The container's address in a network at this moment. */
  async addressIn(networkName: string): Promise<string> {
    const { NetworkSettings } = await (await this.#inEngine()).inspect()
    const address = NetworkSettings.Networks[networkName]?.IPAddress
    if (address === undefined || address === '')
      throw new Error(`${this.#container.getName()} has no address in ${networkName}`)
    return address
  }

  async #inEngine() {
    const client = await getContainerRuntimeClient()
    return client.container.getById(this.#container.getId())
  }
}
