import { describe, expect, it } from 'vitest'
import { withDeadline } from '../../src/kube/deadline.ts'
import { DEPLOYMENTS } from '../../src/kube/kinds.ts'

const REF = { namespace: 'games', name: 'events-sink' }

function hanging() {
  const calls: string[] = []
  const deadline = new AbortController()
  const call = (name: string) => () => {
    calls.push(name)
    return new Promise<never>(() => {})
  }
  return {
    calls,
    deadline,
    api: withDeadline(
      { get: call('get'), list: call('list'), apply: call('apply'), patch: call('patch'), delete: call('delete') },
      deadline.signal,
    ),
  }
}

describe('withDeadline', () => {
  it('gives up a call that hangs', async () => {
    const { api, deadline } = hanging()
    const call = api.get(DEPLOYMENTS, REF)
    deadline.abort()
    await expect(call).rejects.toMatchObject({ status: 0, reason: 'DeadlineExceeded' })
  })

  it('begins no call after it', async () => {
    const { api, deadline, calls } = hanging()
    deadline.abort()
    await expect(api.apply(DEPLOYMENTS, { metadata: REF }, { fieldManager: 'f' })).rejects.toMatchObject({ status: 0 })
    await expect(api.delete(DEPLOYMENTS, REF, { uid: 'uid' })).rejects.toMatchObject({ status: 0 })
    expect(calls).toEqual([])
  })

  it('passes on what comes in time', async () => {
    const answer = { metadata: REF }
    const api = withDeadline(
      {
        get: async () => answer as never,
        list: async () => answer as never,
        apply: async () => answer as never,
        patch: async () => answer as never,
        delete: async () => {},
      },
      new AbortController().signal,
    )
    expect(await api.get(DEPLOYMENTS, REF)).toBe(answer)
  })
})
