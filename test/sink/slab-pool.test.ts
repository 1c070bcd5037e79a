import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SlabPool } from '../../src/sink/slab-pool.ts'

const KIB = 1024
/** What a log holds that takes the largest slabs. */
const LARGE = 2048 * KIB
const HELD = [0, 64 * KIB, 256 * KIB, LARGE]

test('slabs grow with what a log holds, so that a large one is few pieces', () => {
  const pool = new SlabPool(0)
  expect(HELD.map((heldBytes) => pool.take(heldBytes).length / KIB)).toEqual([4, 16, 64, 256])
})

test('no two slabs share a byte, whatever was taken and given back before', () => {
  const step = fc.record({ heldBytes: fc.constantFrom(...HELD), isTaken: fc.boolean(), which: fc.nat() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const pool = new SlabPool(1024 * KIB)
      const taken = new Map<Buffer, number>()
      steps.forEach(({ heldBytes, isTaken, which }, n) => {
        if (isTaken) {
          const slab = pool.take(heldBytes)
          taken.set(slab, n % 256)
          slab.fill(n % 256)
        } else {
          const slab = [...taken.keys()][which % Math.max(taken.size, 1)]
          if (slab === undefined) return
          taken.delete(slab)
          pool.give([slab])
        }
      })
      for (const [slab, fill] of taken) expect(slab.equals(Buffer.alloc(slab.length, fill))).toBe(true)
      pool.give([...taken.keys()])
      expect(pool.takenBytes).toBe(0)
      for (let i = 0; i < 4; i++) pool.take(LARGE)
      expect(pool.takenBytes).toBe(1024 * KIB)
    }),
    { numRuns: 200 },
  )
})

test('memory that was small slabs is a large one again', () => {
  const pool = new SlabPool(256 * KIB)
  const small = Array.from({ length: 64 }, () => pool.take(0))
  const [first] = small
  pool.give(small)
  expect(pool.take(LARGE).buffer).toBe(first?.buffer)
})

test('what is beyond the memory that is kept can be had, and is not kept', () => {
  const pool = new SlabPool(256 * KIB)
  const kept = pool.take(LARGE)
  const beyond = pool.take(0)
  expect(beyond.length).toBe(4 * KIB)
  pool.give([beyond])
  expect(pool.take(0).buffer).not.toBe(beyond.buffer)
  pool.give([kept])
  expect(pool.take(0).buffer).toBe(kept.buffer)
})
