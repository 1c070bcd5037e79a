import { expect, onTestFinished, test } from 'vitest'
import type { WatchEvent } from '../../src/kube/api.ts'
import { KubeApiError } from '../../src/kube/errors.ts'
import { type KubeObject, PODS } from '../../src/kube/kinds.ts'
import { Reflector, type ReflectorOptions } from '../../src/kube/reflector.ts'
import { sleep } from '../../src/lib/clock.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { added, bookmark, scriptedApi, type WatchScript } from './scripted-api.ts'

const cut = new KubeApiError(0, 'Unreachable', 'socket hang up')
const forbidden = new KubeApiError(403, 'Forbidden', 'cannot watch')

function run(clock: FakeClock, api: ReflectorOptions<KubeObject>['api']): Reflector<KubeObject> {
  const options = { api, clock, kind: PODS, scope: {}, logger: createLogger('silent'), random: () => 1 }
  const reflector = new Reflector<KubeObject>({ ...options, onEvent: () => {} })
  const stop = new AbortController()
  const running = reflector.run(stop.signal)
  onTestFinished(async () => {
    stop.abort()
    await running
  })
  return reflector
}

test('it is silent since the last event or question, so that nobody takes a quiet kind for a dead process', async () => {
  const clock = new FakeClock()
  const events: WatchEvent<KubeObject>[] = [bookmark('10', true), added('a', '11')]
  let watches = 0
  const reflector = run(clock, {
    list: async () => ({ items: [], resourceVersion: '' }),
    // An event after each minute, and then the end.
    async *watch(_kind, _options, signal) {
      watches++
      for (const event of events) {
        await sleep(clock, 60_000, signal)
        yield event as WatchEvent<never>
      }
      await sleep(clock, 60_000, signal)
    },
  })
  const silent: number[] = []
  for (let i = 0; i < 4; i++) {
    await clock.advance(59_000)
    silent.push(reflector.silentMs)
    await clock.advance(1_000)
  }
  expect(silent).toEqual([59_000, 59_000, 59_000, 59_000])
  expect(watches).toBe(2)
})

test('a watch that ends well after minutes without a word is followed by the next at once', async () => {
  const clock = new FakeClock()
  const begun: number[] = []
  run(clock, {
    list: async () => ({ items: [], resourceVersion: '' }),
    async *watch(_kind, { resourceVersion }, signal) {
      begun.push(clock.elapsed())
      if (resourceVersion === '') yield bookmark('10', true) as WatchEvent<never>
      await sleep(clock, 300_000, signal)
    },
  })
  await clock.advance(1_000_000)
  expect(begun.slice(1).map((at, i) => at - (begun[i] ?? 0))).toEqual([300_000, 300_000, 300_000])
})

test('it waits ever longer for a list that is cut in the middle each time', async () => {
  const clock = new FakeClock()
  const halves: WatchScript[] = Array.from({ length: 20 }, () => ({ events: [added('a', '1')], ending: cut }))
  const { api, watches } = scriptedApi({ watches: halves })
  run(clock, api)
  await clock.advance(10_000)
  // After 0.2, 0.4, 0.8, 1.6 and 3.2 seconds.
  expect(watches).toHaveLength(6)
  expect(watches[0]).toMatchObject({ idleTimeoutMs: 180_000 })
})

test('refusals with something else between them do not add up to a right that is missing', async () => {
  const clock = new FakeClock()
  const endings = [forbidden, forbidden, forbidden, cut, forbidden, forbidden, forbidden]
  const { api } = scriptedApi({ watches: endings.map((ending) => ({ ending })) })
  const reflector = run(clock, api)
  for (let i = 0; i < 100; i++) {
    await clock.advance(100)
    expect(reflector.isRefused).toBe(false)
  }
})
