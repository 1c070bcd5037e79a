import { expect, it } from 'vitest'
import type { Pod } from '../../src/kube/kinds.ts'
import { Endings } from '../../src/operator/endings.ts'
import { aKubePod } from './builders.ts'

const KEY = 'games/events'
const WELL = 'everything buffered was written and committed'

interface Ended {
  readonly exitCode: number
  readonly signal?: number
  readonly message?: string
  readonly startedAt?: string
}

function aPodThatEnds(ended: Ended, isDeleted = true): Pod {
  const pod = aKubePod({ state: { terminated: { startedAt: '2026-03-01T12:00:00Z', ...ended } } })
  const deletionTimestamp = '2026-03-01T12:01:00Z'
  return { ...pod, metadata: { ...pod.metadata, ...(isDeleted ? { deletionTimestamp } : {}) } }
}

it('says nothing while nothing was seen to end, of a sink that is to run on, and of one that never began', () => {
  const endings = new Endings()
  endings.note(aKubePod())
  endings.note(aPodThatEnds({ exitCode: 1 }, false))
  endings.note(aPodThatEnds({ exitCode: 128, startedAt: '1970-01-01T00:00:00Z' }))
  endings.note(aPodThatEnds({ exitCode: 143 }))
  const unknown = { exitCode: 137, reason: 'ContainerStatusUnknown' }
  endings.note({
    ...aPodThatEnds({ exitCode: 137 }),
    status: aKubePod({ state: { terminated: unknown } }).status,
  } as Pod)
  expect(endings.of(KEY)).toBeUndefined()
})

it('says that everything was written where each sink ended well, and which did not, in whatever order they go', () => {
  const endings = new Endings()
  endings.note(aPodThatEnds({ exitCode: 0 }))
  expect(endings.of(KEY)).toBe(WELL)
  endings.note(aPodThatEnds({ exitCode: 1, message: '{"level":"warn","msg":"the drain time ran out"}\n' }))
  endings.note(aPodThatEnds({ exitCode: 0 }))
  expect(endings.of(KEY)).toBe('pod events-sink-1 could not write everything (exit code 1: the drain time ran out)')
  endings.note(aPodThatEnds({ exitCode: 137, signal: 9 }))
  expect(endings.of(KEY)).toContain('(signal 9)')
})

it('does not say that everything was written where one went that nobody saw end, as where its node is gone', () => {
  for (const isLast of [true, false]) {
    const endings = new Endings()
    if (isLast) endings.note(aPodThatEnds({ exitCode: 0 }))
    endings.note(aKubePod(), true)
    if (!isLast) endings.note(aPodThatEnds({ exitCode: 0 }), true)
    expect(endings.of(KEY)).toBeUndefined()
    endings.note(aPodThatEnds({ exitCode: 1 }))
    endings.note(aKubePod(), true)
    expect(endings.of(KEY)).toBe('pod events-sink-1 could not write everything (exit code 1)')
  }
})

it('begins anew when a sink delivers again', () => {
  const endings = new Endings()
  endings.note(aPodThatEnds({ exitCode: 1 }))
  endings.forget(KEY)
  endings.note(aPodThatEnds({ exitCode: 0 }))
  expect(endings.of(KEY)).toBe(WELL)
})
