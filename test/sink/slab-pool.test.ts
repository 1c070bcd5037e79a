import { expect, test } from 'vitest'
import { SlabPool } from '../../src/sink/slab-pool.ts'

const KIB = 1024

test('slabs grow with what a log holds, so that a large one is few pieces', () => {
  const pool = new SlabPool(0)
  const sizes = [0, 16 * KIB, 128 * KIB, 1024 * KIB].map((heldBytes) => pool.take(heldBytes).length / KIB)
  expect(sizes).toEqual([4, 16, 64, 256])
})

test('a slab that was given back is taken again, by a log of that size only', () => {
  const pool = new SlabPool(1024 * KIB)
  const slab = pool.take(16 * KIB)
  pool.give([slab])
  expect(pool.freeBytes).toBe(16 * KIB)
  expect(pool.take(0)).not.toBe(slab)
  expect(pool.take(20 * KIB)).toBe(slab)
  expect(pool.take(20 * KIB)).not.toBe(slab)
  expect(pool.freeBytes).toBe(0)
})

test('no more is kept than was said', () => {
  const pool = new SlabPool(40 * KIB)
  pool.give([pool.take(16 * KIB), pool.take(16 * KIB), pool.take(16 * KIB)])
  expect(pool.freeBytes).toBe(32 * KIB)
})
