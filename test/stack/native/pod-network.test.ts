import { describe, expect, it } from 'vitest'
import { listen } from './free-ports.ts'
import { claimPodNetwork } from './pod-network.ts'

describe.runIf(process.platform === 'linux')('claimPodNetwork', () => {
  it('gives each stack addresses of its own', async () => {
    const [one, other] = await Promise.all([claimPodNetwork(), claimPodNetwork()])
    expect(one.prefix).toMatch(/^127\.\d+\.\d+$/)
    expect(other.prefix).not.toBe(one.prefix)
    one.release()
    other.release()
  })

  it('holds the block until it is released', async () => {
    const network = await claimPodNetwork()
    const claim = () => listen(`${network.prefix}.254`, 31_999)
    expect(await claim()).toBeUndefined()
    network.release()
    const after = await claim()
    expect(after).toBeDefined()
    after?.close()
  })
})
