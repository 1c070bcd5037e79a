import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteLog, crc32Of } from '../../src/sink/byte-log.ts'
import { SlabPool } from '../../src/sink/slab-pool.ts'

const append = (log: ByteLog, line: Buffer) => log.append(line, 0, line.length)

describe('a byte log', () => {
  test('gives back every line, each ended with a line feed, whatever their sizes', () => {
    const line = fc.integer({ min: 0, max: 50_000 }).map((length) => Buffer.alloc(length, 'x'))
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), (lines) => {
        const log = new ByteLog(new SlabPool(0))
        const allocated = lines.reduce((sum, each) => sum + append(log, each), 0)
        expect(allocated).toBe(log.allocatedBytes)
        const body = Buffer.concat(log.chunks())
        expect(body.toString()).toBe(lines.map((each) => `${each}\n`).join(''))
        expect([log.lines, log.bytes]).toEqual([lines.length, body.length])
        expect(log.allocatedBytes).toBeGreaterThanOrEqual(body.length)
      }),
      { numRuns: 50 },
    )
  })

  test('takes a part of a buffer', () => {
    const log = new ByteLog(new SlabPool(0))
    log.append(Buffer.from('one two three'), 4, 3)
    expect(Buffer.concat(log.chunks()).toString()).toBe('two\n')
  })

  test('copies: what happens to a line afterwards does not show', () => {
    const log = new ByteLog(new SlabPool(0))
    const line = Buffer.from('kept')
    append(log, line)
    line.fill('#')
    expect(Buffer.concat(log.chunks()).toString()).toBe('kept\n')
  })

  test('takes little memory for one small line, and at most half more than it holds for many', () => {
    const small = new ByteLog(new SlabPool(0))
    append(small, Buffer.from('x'))
    expect(small.allocatedBytes).toBe(4 * 1024)
    const large = new ByteLog(new SlabPool(0))
    for (let i = 0; i < 10_000; i++) {
      append(large, Buffer.alloc(1_000))
      if (i >= 32) expect(large.allocatedBytes).toBeLessThan(1.5 * large.bytes)
    }
  })

  test('its CRC-32 is that of the body', () => {
    const log = new ByteLog(new SlabPool(0))
    expect(log.crc32).toBe('00000000')
    for (let i = 0; i < 1_000; i++) append(log, Buffer.from(`a line that is not short, number ${i}`))
    expect(log.crc32).toBe(crc32Of(log.chunks()))
  })

  test('released, its memory is that of the next log', () => {
    const pool = new SlabPool(1024 * 1024)
    const first = new ByteLog(pool)
    append(first, Buffer.alloc(100_000, 'x'))
    const slabs = new Set(first.chunks().map(({ buffer }) => buffer))
    first.release()
    expect([first.allocatedBytes, first.chunks()]).toEqual([0, []])
    const second = new ByteLog(pool)
    append(second, Buffer.alloc(100_000, 'y'))
    expect(new Set(second.chunks().map(({ buffer }) => buffer))).toEqual(slabs)
    expect(Buffer.concat(second.chunks()).toString()).toBe(`${'y'.repeat(100_000)}\n`)
  })

  test('a line longer than any slab is kept whole', () => {
    const log = new ByteLog(new SlabPool(0))
    append(log, Buffer.alloc(5_000_000, 'x'))
    expect(log.bytes).toBe(5_000_001)
  })
})

test('the CRC-32 does not depend on how the body is cut', () => {
  expect(crc32Of(['123456789'])).toBe('cbf43926')
  expect(crc32Of([Buffer.from('1234'), '', '56789'])).toBe('cbf43926')
  expect(crc32Of([])).toBe('00000000')
})
