import { describe, expect, it } from 'vitest'
import { freePorts, listen } from './free-ports.ts'

describe('freePorts', () => {
  it('finds different ports, all below those of outgoing connections', async () => {
    const ports = await freePorts(20)
    expect(new Set(ports).size).toBe(20)
    expect(Math.max(...ports)).toBeLessThan(32_768)
  })

  it('leaves them free to be listened on', async () => {
    const [port = 0] = await freePorts(1)
    const server = await listen('127.0.0.1', port)
    expect(server).toBeDefined()
    expect(await listen('127.0.0.1', port)).toBeUndefined()
    server?.close()
  })
})
