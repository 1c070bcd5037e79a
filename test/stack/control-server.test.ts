import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ControlServer, serveControl } from './control-server.ts'
import { connectStack, isStackUp } from './remote.ts'
import type { Stack } from './stack.ts'
import { recordingStack } from './stack-fixture.ts'

let calls: string[]
let control: ControlServer
let remote: Stack

beforeEach(async () => {
  calls = []
  control = await serveControl(recordingStack(calls), () => calls.push('told to stop'))
  // As vitest and .stack/stack.json hand it over.
  remote = connectStack(JSON.parse(JSON.stringify(control.remote)))
})

afterEach(() => control.close())

describe('a stack of another process', () => {
  it('has the same addresses', () => {
    const { servers, killPod, podLog, stop, ...addresses } = recordingStack([])
    expect(remote).toMatchObject(addresses)
  })

  it('stops and starts servers, with the signal that is asked for', async () => {
    await remote.servers.kafka.stop()
    await remote.servers.kafka.start()
    await remote.servers.kubeApi.stop('SIGKILL')
    expect(calls).toEqual(['stop kafka by default', 'start kafka', 'stop kubeApi SIGKILL'])
  })

  it('kills pods and reads their logs', async () => {
    await remote.killPod('games', 'sink-0')
    expect(calls).toEqual(['kill games/sink-0'])
    expect(await remote.podLog('games', 'sink-0')).toBe('log of games/sink-0')
  })

  it('cannot be ended by those who only use it', async () => {
    await expect(remote.stop()).rejects.toThrow('belongs to the process that started it')
    expect(calls).toEqual([])
  })

  it('hands over why something failed', async () => {
    const failing = { ...recordingStack(calls), killPod: () => Promise.reject(new Error('no such pod')) }
    const other = await serveControl(failing)
    await expect(connectStack(other.remote).killPod('games', 'sink-0')).rejects.toThrow('no such pod')
    other.close()
  })

  it('is not up when its owner is gone', async () => {
    expect(await isStackUp(control.remote)).toBe(true)
    control.close()
    expect(await isStackUp(control.remote)).toBe(false)
  })

  it('does nothing for somebody who does not know the secret in its address', async () => {
    const guess = control.remote.controlUrl.replace(/[0-9a-f]{24}/, '0'.repeat(24))
    expect((await fetch(`${guess}stop`, { method: 'POST' })).status).toBe(404)
    expect(calls).toEqual([])
  })
})
