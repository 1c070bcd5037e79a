import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rowGroups } from '../../../src/sink/encode/row-groups.ts'

const body = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 30 }), { maxLength: 20 })
const limits = fc.record({ bytes: fc.integer({ min: 1, max: 40 }), rows: fc.integer({ min: 1, max: 6 }) })
const cuts = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 6 })

/** The text in chunks that end anywhere. */
function chunked(text: string, positions: readonly number[]): Buffer[] {
  const at = [0, ...positions.filter((position) => position < text.length), text.length].sort((a, b) => a - b)
  return at.slice(1).map((end, index) => Buffer.from(text.slice(at[index], end)))
}

test('groups hold whole lines, together all of them, and depend on the text and not on its chunks', () => {
  fc.assert(
    fc.property(body, cuts, limits, (lines, positions, groupLimits) => {
      const text = lines.map((line) => `${line}\n`).join('')
      const groups = [...rowGroups(chunked(text, positions), groupLimits)].map(String)
      expect(groups.join('')).toBe(text)
      expect(groups.every((group) => group.endsWith('\n'))).toBe(true)
      expect(groups).toEqual([...rowGroups([Buffer.from(text)], groupLimits)].map(String))
      for (const group of groups.slice(0, -1)) {
        const rows = group.split('\n').length - 1
        expect(group.length >= groupLimits.bytes || rows === groupLimits.rows).toBe(true)
        const withoutLast = group.slice(0, group.slice(0, -1).lastIndexOf('\n') + 1)
        expect(withoutLast.length < groupLimits.bytes && rows - 1 < groupLimits.rows).toBe(true)
      }
    }),
    { numRuns: 500 },
  )
})

test('a group is a copy of exactly its size, to be given away', () => {
  const [group] = rowGroups([Buffer.from('a\nb\n')], { bytes: 1, rows: 1 })
  expect([group?.byteOffset, group?.buffer.byteLength]).toEqual([0, 2])
})
