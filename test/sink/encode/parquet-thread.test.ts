import { describe, expect, test } from 'vitest'
import { ParquetThread } from '../../../src/sink/encode/parquet-thread.ts'
import { linesOf, parquetRows } from '../../support/parquet.ts'

const thread = new ParquetThread()
const event = (id: number) => ({ EventId: `e${id}`, EventName: 'login', Payload: { id } })
const lines = (from: number, to: number) => linesOf(Array.from({ length: to - from }, (_, i) => event(from + i)))

describe('the Parquet thread', () => {
  test('makes one file after another, however many are asked for at once', async () => {
    const asked = [0, 1, 2, 3].map((id) => thread.file('game_telemetry', 'zstd', lines(id, id + 1)))
    const ids = (await Promise.all(asked.map(async (file) => parquetRows(await file)))).map(([row]) => row?.EventId)
    expect(ids).toEqual(['e0', 'e1', 'e2', 'e3'])
  })

  test('gives equal bytes for equal lines, whatever chunks they come in', async () => {
    const body = Buffer.concat(lines(0, 500))
    const inPieces = [body.subarray(0, 1), body.subarray(1, 700), body.subarray(700)]
    const [one, other] = [
      await thread.file('game_telemetry', 'gzip', [body]),
      await thread.file('game_telemetry', 'gzip', inPieces),
    ]
    expect(one.equals(other)).toBe(true)
  })

  test('leaves what it is given as it is, so that the next attempt finds it', async () => {
    const given = lines(0, 3)
    const before = Buffer.concat(given)
    await thread.file('game_telemetry', 'none', given)
    expect(Buffer.concat(given).equals(before)).toBe(true)
  })

  test('has memory for an event with more than a million fields, which would otherwise be tried for ever', async () => {
    const fields = '"a":1,'.repeat(1_400_000)
    const file = await thread.file('game_telemetry', 'zstd', [Buffer.from(`{"EventId":"e",${fields}"b":2}\n`)])
    expect(await parquetRows(file)).toEqual([
      expect.objectContaining({ EventId: 'e', other_fields: `{${fields}"b":2}` }),
    ])
  })

  test('says why a file cannot be made, and makes the next one', async () => {
    const noEventType = 7 as unknown as string
    await expect(thread.file(noEventType, 'zstd', lines(0, 1))).rejects.toThrow('cannot be written as Parquet')
    expect(await parquetRows(await thread.file('game_telemetry', 'zstd', lines(7, 8)))).toMatchObject([
      { EventId: 'e7' },
    ])
  })
})
