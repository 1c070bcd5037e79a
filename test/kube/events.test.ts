import { describe, expect, it } from 'vitest'
import { EventRecorder } from '../../src/kube/events.ts'
import { CONNECTORS, type KubeObject } from '../../src/kube/kinds.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { FakeClock } from '../support/fake-clock.ts'

const transition = { type: 'Warning', reason: 'SinkFailed', action: 'Reconcile', note: 'n'.repeat(2_000) } as const
const object = { metadata: { namespace: 'games', name: 'events', uid: 'abcdef' } }

function recorder(create: (object: KubeObject) => Promise<KubeObject>, clock = new FakeClock()) {
  const options = { controller: 'analytics-connector.io/operator', instance: 'pod-1', logger: createLogger('silent') }
  const api = { create: async (_kind: unknown, each: KubeObject) => (await create(each)) as never }
  return new EventRecorder({ api, ...options, clock })
}

describe('EventRecorder', () => {
  it('writes what happened beside the object, with a note that fits', async () => {
    const created: KubeObject[] = []
    await recorder(async (each) => created[created.push(each) - 1] ?? each).record(CONNECTORS, object, transition)
    expect(created).toMatchObject([
      {
        metadata: { namespace: 'games', name: expect.stringMatching(/^events\.[0-9a-f]+$/) },
        eventTime: '2026-03-01T12:00:00.000000Z',
        reason: 'SinkFailed',
        note: 'n'.repeat(1_024),
        regarding: { kind: 'AnalyticsConnector', namespace: 'games', name: 'events', uid: 'abcdef' },
      },
    ])
  })

  it('cuts a note to the bytes that the API server counts, between two characters', async () => {
    const created: KubeObject[] = []
    const note = `${'n'.repeat(1_022)}… by policy`
    const events = recorder(async (each) => created[created.push(each) - 1] ?? each)
    await events.record(CONNECTORS, object, { ...transition, note })
    expect(created).toMatchObject([{ note: 'n'.repeat(1_022) }])
  })

  it('writes 25 for one object at once, then one every five minutes; others do not count', async () => {
    const clock = new FakeClock()
    const created: KubeObject[] = []
    const events = recorder(async (each) => created[created.push(each) - 1] ?? each, clock)
    const record = async (times: number, uid: string) => {
      created.length = 0
      for (let i = 0; i < times; i++) {
        await events.record(CONNECTORS, { metadata: { ...object.metadata, uid } }, transition)
      }
      return created.length
    }
    expect(await record(100, 'flapping')).toBe(25)
    expect(await record(2, 'another')).toBe(2)
    await clock.advance(10 * 60_000)
    expect(await record(100, 'flapping')).toBe(2)
  })

  it('does not mind an Event that cannot be written', async () => {
    const failing = recorder(() => Promise.reject(new Error('quota')))
    await expect(failing.record(CONNECTORS, object, transition)).resolves.toBeUndefined()
  })
})
