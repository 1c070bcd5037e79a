import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Compression } from '../../../src/contract/file-format.ts'
import { ParquetFile } from '../../../src/sink/encode/parquet-file.ts'
import { gameEvent } from '../../support/game-events.ts'
import { linesOf, parquetRows, rowGroupSizes } from '../../support/parquet.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'parquet-'))
})
afterAll(() => rm(dir, { recursive: true }))

function parquetOf(eventType: string, compression: Compression, ...groups: (readonly unknown[])[]): Buffer {
  const file = new ParquetFile(eventType, compression)
  for (const events of groups) file.addRowGroup(Buffer.concat(linesOf(events)))
  return Buffer.from(file.finish())
}

/** What DuckDB, which shares no code with what wrote the file, says about it. */
async function duckdb(file: Buffer, sql: string): Promise<Record<string, unknown>[]> {
  const path = join(dir, `${Math.random()}.parquet`)
  await writeFile(path, file)
  const connection = await (await DuckDBInstance.create()).connect()
  const result = await connection.runAndReadAll(sql.replaceAll('$file', `'${path}'`))
  connection.closeSync()
  return result.getRowObjectsJson() as Record<string, unknown>[]
}

const events = Array.from({ length: 3_000 }, (_, i) => ({
  ...gameEvent('acme', i % 3 === 0 ? 'login' : 'logout', new Date(1_767_225_600_000 + i * 1_001)),
  ...(i % 10 === 0 ? { Extra: { i } } : {}),
}))

/** An event as JSON that columns can be compared with. */
const AS_JSON = `SELECT EventId, EventNamespace, EventName, strftime(EventTimestamp AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%gZ') AS EventTimestamp,
  UserId, UserNamespace, ClientId, DeviceType, Payload, other_fields FROM read_parquet($file)`

describe('a Parquet file', () => {
  test.each(['none', 'gzip', 'zstd'] as const)(
    'with %s is read by DuckDB with the same rows in the same order',
    async (compression) => {
      const rows = await duckdb(
        parquetOf('game_telemetry', compression, events.slice(0, 1_000), events.slice(1_000)),
        AS_JSON,
      )
      const wanted = events.map(({ ClientTimestamp: _, Payload, ...event }, i) => {
        const { Extra, ...envelope } = event as typeof event & { Extra?: unknown }
        const other_fields = i % 10 === 0 ? JSON.stringify({ Extra }) : null
        return { ...envelope, Payload: JSON.stringify(Payload), other_fields }
      })
      expect(rows).toEqual(wanted)
    },
  )

  test('tells DuckDB its types: text, and instants in microseconds of UTC', async () => {
    const described = await duckdb(
      parquetOf('justice_event', 'zstd', [{ id: '1' }]),
      'DESCRIBE SELECT * FROM read_parquet($file)',
    )
    expect(Object.fromEntries(described.map(({ column_name, column_type }) => [column_name, column_type]))).toEqual({
      id: 'VARCHAR',
      namespace: 'VARCHAR',
      name: 'VARCHAR',
      timestamp: 'TIMESTAMP WITH TIME ZONE',
      userId: 'VARCHAR',
      clientId: 'VARCHAR',
      traceId: 'VARCHAR',
      sessionId: 'VARCHAR',
      version: 'VARCHAR',
      payload: 'VARCHAR',
      other_fields: 'VARCHAR',
    })
  })

  test('answers questions about the payload', async () => {
    const file = parquetOf('game_telemetry', 'zstd', events)
    const total = events.reduce((sum, { Payload }) => sum + Number(Payload.score), 0)
    const [row] = await duckdb(
      file,
      "SELECT sum((Payload->>'score')::BIGINT)::BIGINT AS total, count(*) FILTER (EventName = 'login') AS logins FROM read_parquet($file)",
    )
    expect(row).toEqual({ total: String(total), logins: '1000' })
  })

  test('has one row group for each that was added, and equal groups give equal bytes', async () => {
    const file = parquetOf('game_telemetry', 'zstd', events.slice(0, 2_000), events.slice(2_000))
    expect(rowGroupSizes(file)).toEqual([2_000, 1_000])
    expect(file.equals(parquetOf('game_telemetry', 'zstd', events.slice(0, 2_000), events.slice(2_000)))).toBe(true)
  })

  test('needs the lines of a group no longer than until they are added, with minimum and maximum of each column', () => {
    const file = new ParquetFile('game_telemetry', 'zstd')
    const [one, same] = [Buffer.concat(linesOf(events)), Buffer.concat(linesOf(events))]
    file.addRowGroup(one)
    one.fill('!')
    const other = new ParquetFile('game_telemetry', 'zstd')
    other.addRowGroup(same)
    expect(Buffer.from(file.finish()).equals(Buffer.from(other.finish()))).toBe(true)
  })

  test('holds what is awkward: no field at all, every character, a column that is null throughout, very long text', async () => {
    const text = `${Array.from({ length: 0x300 }, (_, code) => String.fromCharCode(code)).join('')}😀`
    const awkward = [{}, { EventId: text }, { EventId: '' }, { EventId: 'x'.repeat(3_000_000), Payload: text }]
    const rows = await parquetRows(parquetOf('game_telemetry', 'zstd', awkward))
    expect(rows.map(({ EventId }) => EventId ?? null)).toEqual([null, text, '', 'x'.repeat(3_000_000)])
    expect(rows[3]?.Payload).toBe(JSON.stringify(text))
    const [counted] = await duckdb(
      parquetOf('game_telemetry', 'zstd', awkward),
      'SELECT count(*) AS n, max(length(EventId)) AS longest FROM read_parquet($file)',
    )
    expect(counted).toEqual({ n: '4', longest: '3000000' })
  })
})
