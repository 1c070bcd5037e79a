import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteLog, crc32Of } from '../../src/sink/byte-log.ts'

const append = (log: ByteLog, line: Buffer) => log.append(line, 0, line.length)

describe('a byte log', () => {
  test('gives back every line, each ended with a line feed, whatever their sizes', () => {
    const line = fc.integer({ min: 0, max: 50_000 }).map((length) => Buffer.alloc(length, 'x'))
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), (lines) => {
        const log = new ByteLog()
        for (const each of lines) append(log, each)
        const body = Buffer.concat(log.chunks())
        expect(body.toString()).toBe(lines.map((each) => `${each}\n`).join(''))
        expect([log.lines, log.bytes]).toEqual([lines.length, body.length])
        expect(log.allocatedBytes).toBeGreaterThanOrEqual(body.length)
      }),
      { numRuns: 50 },
    )
  })

  test('takes a part of a buffer', () => {
    const log = new ByteLog()
    log.append(Buffer.from('one two three'), 4, 3)
    expect(Buffer.concat(log.chunks()).toString()).toBe('two\n')
  })

  test('copies: what happens to a line afterwards does not show', () => {
    const log = new ByteLog()
    const line = Buffer.from('kept')
    append(log, line)
    line.fill('#')
    expect(Buffer.concat(log.chunks()).toString()).toBe('kept\n')
  })

  test('takes little memory for one small line, and at most twice what it holds for many', () => {
    const small = new ByteLog()
    append(small, Buffer.from('x'))
    expect(small.allocatedBytes).toBe(16 * 1024)
    const large = new ByteLog()
    for (let i = 0; i < 10_000; i++) append(large, Buffer.alloc(1_000))
    expect(large.allocatedBytes).toBeLessThan(2 * large.bytes)
  })

  test('sealed, it is one buffer of its exact size with the same bytes, however often it is sealed', () => {
    const log = new ByteLog()
    for (let i = 0; i < 1_000; i++) append(log, Buffer.from(`a line that is not short, number ${i}`))
    const before = Buffer.concat(log.chunks())
    log.seal()
    log.seal()
    expect(log.chunks()).toEqual([before])
    expect([log.lines, log.bytes, log.allocatedBytes]).toEqual([1_000, before.length, before.length])
  })

  test('a line longer than any slab is kept whole', () => {
    const log = new ByteLog()
    append(log, Buffer.alloc(5_000_000, 'x'))
    expect(log.bytes).toBe(5_000_001)
  })
})

test('the CRC-32 does not depend on how the body is cut', () => {
  expect(crc32Of(['123456789'])).toBe('cbf43926')
  expect(crc32Of([Buffer.from('1234'), '', '56789'])).toBe('cbf43926')
  expect(crc32Of([])).toBe('00000000')
})
