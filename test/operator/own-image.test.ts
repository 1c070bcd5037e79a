import { describe, expect, it } from 'vitest'
import type { KubeApi } from '../../src/kube/api.ts'
import { KubeApiError } from '../../src/kube/errors.ts'
import type { Pod } from '../../src/kube/kinds.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { ownImage } from '../../src/operator/own-image.ts'
import { FakeClock } from '../support/fake-clock.ts'

const POD = { namespace: 'analytics-connector', name: 'operator-1' }
const OURS: Pod = { spec: { containers: [{ name: 'operator', image: 'analytics-connector:1' }] } }

/** Asks an API server that gives these answers, one after the other. */
function ask(...answers: (Pod | Error | undefined)[]) {
  const clock = new FakeClock()
  const stop = new AbortController()
  const get = async () => {
    const answer = answers.shift()
    if (answer instanceof Error) throw answer
    return answer
  }
  const api = { get } as Pick<KubeApi, 'get'>
  const image = ownImage({ api, pod: POD, clock, logger: createLogger('silent') }, stop.signal)
  return { clock, stop, image, answers }
}

describe('ownImage', () => {
  it('is that of the operator’s container, not of one that a mesh put beside it', async () => {
    const mesh = { name: 'proxy', image: 'mesh:1' }
    const { image } = ask({ spec: { containers: [mesh, ...(OURS.spec?.containers ?? [])] } })
    expect(await image).toBe('analytics-connector:1')
  })

  it('is unknown outside a cluster', async () => {
    expect(await ask(undefined).image).toBeUndefined()
  })

  it('asks an API server that is away until it answers', async () => {
    const away = new KubeApiError(0, 'Unreachable', 'connection refused')
    const beginning = new KubeApiError(503, 'ServiceUnavailable', 'storage is (re)initializing')
    const { clock, image } = ask(away, away, beginning, OURS)
    await clock.advance(2_000)
    expect(await image).toBe('analytics-connector:1')
  })

  it('fails when it has no right to ask', async () => {
    await expect(ask(new KubeApiError(403, 'Forbidden', 'cannot get pods')).image).rejects.toThrow('cannot get pods')
  })

  it('ends with the process', async () => {
    const { stop, image, answers } = ask(new KubeApiError(0, 'Unreachable', 'connection refused'), OURS)
    stop.abort()
    expect(await image).toBeUndefined()
    expect(answers).toHaveLength(1)
  })
})
