import { describe, expect, it } from 'vitest'
import { revisionsToDelete, revisionsToMount } from '../../../src/operator/desired/mounted-revisions.ts'

const at = (minute: number) => `2026-03-01T12:${String(minute).padStart(2, '0')}:00Z`
const made = (...revisions: string[]) => revisions.map((revision, i) => ({ revision, createdAt: at(i) }))

describe('revisionsToMount', () => {
  it('lists the first revision alone, before it even exists', () => {
    expect(revisionsToMount('a', [], undefined, undefined)).toEqual(['a'])
  })

  it('lists the current one and the four newest others where no Deployment tells what was used', () => {
    const existing = made('z', 'y', 'x', 'b', 'a', 'd')
    expect(revisionsToMount('c', existing, undefined, undefined)).toEqual(['c', 'd', 'a', 'b', 'x'])
  })

  it('is the same before and after the current revision is made', () => {
    const before = revisionsToMount('n', made('a', 'b'), undefined, undefined)
    expect(revisionsToMount('n', made('a', 'b', 'n'), undefined, undefined)).toEqual(before)
  })

  it('leaves the list of a running Deployment alone while the revision stays: another list would roll every pod', () => {
    const mounted = { revision: 'c', list: ['a', 'b', 'c'] }
    expect(revisionsToMount('c', made('b', 'c', 'x', 'y'), mounted, 'x')).toEqual(['a', 'b', 'c'])
  })

  it('keeps the revision of a failed edit when the edit is taken back: its work may be unfinished', () => {
    const mounted = { revision: 'wrong', list: ['wrong', 'a'] }
    expect(revisionsToMount('a', made('a', 'wrong'), mounted, 'a')).toEqual(['a', 'wrong'])
  })

  it('keeps those that were used last, although they may be the oldest: an edit may take earlier ones back', () => {
    const existing = made('a', 'b', 'c', 'd', 'e')
    const takenBack = revisionsToMount('a', existing, { revision: 'e', list: ['e', 'd', 'c', 'b', 'a'] }, 'e')
    expect(takenBack).toEqual(['a', 'e', 'd', 'c', 'b'])
    const edited = revisionsToMount('f', existing, { revision: 'a', list: takenBack }, 'a')
    expect(edited).toEqual(['f', 'a', 'e', 'd', 'c'])
    expect(revisionsToMount('g', [...existing, ...made('f')], { revision: 'f', list: edited }, 'f')).toContain('a')
  })

  it('keeps the one that delivers, however many edits fail: whoever takes over finishes what its pods began', () => {
    const mounted = { revision: 'f', list: ['f', 'e', 'd', 'c', 'b'] }
    expect(revisionsToMount('g', made('a', 'b', 'c', 'd', 'e', 'f'), mounted, 'a')).toEqual(['g', 'a', 'f', 'e', 'd'])
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
