import { describe, expect, it } from 'vitest'
import { revisionsToDelete, revisionsToMount } from '../../../src/operator/desired/mounted-revisions.ts'

const at = (minute: number) => `2026-03-01T12:${String(minute).padStart(2, '0')}:00Z`
const made = (...revisions: string[]) => revisions.map((revision, i) => ({ revision, createdAt: at(i) }))

describe('revisionsToMount', () => {
  it('lists the first revision alone, before it even exists', () => {
    expect(revisionsToMount('a', [], undefined)).toEqual(['a'])
  })

  it('lists the current one and the four newest others, in an order of names', () => {
    expect(revisionsToMount('c', made('z', 'y', 'x', 'b', 'a', 'd'), undefined)).toEqual(['a', 'b', 'c', 'd', 'x'])
  })

  it('is the same before and after the current revision is made', () => {
    const before = revisionsToMount('n', made('a', 'b'), undefined)
    expect(revisionsToMount('n', made('a', 'b', 'n'), undefined)).toEqual(before)
  })

  it('leaves the list of a running Deployment alone while the revision stays: another list would roll every pod', () => {
    const mounted = { revision: 'c', list: ['a', 'b', 'c'] }
    expect(revisionsToMount('c', made('b', 'c', 'x', 'y'), mounted)).toEqual(['a', 'b', 'c'])
  })

  it('keeps the revision of a failed edit when the edit is taken back: its work may be unfinished', () => {
    expect(revisionsToMount('a', made('a', 'wrong'), { revision: 'wrong', list: ['a', 'wrong'] })).toEqual([
      'a',
      'wrong',
    ])
  })
})

describe('revisionsToDelete', () => {
  it('deletes none up to five', () => {
    expect(revisionsToDelete(made('a', 'b', 'c', 'd', 'e'), ['e'], new Set())).toEqual([])
  })

  it('deletes the oldest beyond five', () => {
    expect(revisionsToDelete(made('a', 'b', 'c', 'd', 'e', 'f', 'g'), ['c', 'd', 'e', 'f', 'g'], new Set())).toEqual([
      'a',
      'b',
    ])
  })

  it('keeps one that a pod still uses, and one that the pod template lists', () => {
    const existing = made('a', 'b', 'c', 'd', 'e', 'f', 'g')
    expect(revisionsToDelete(existing, ['a', 'd', 'e', 'f', 'g'], new Set(['b']))).toEqual(['c'])
  })
})
