import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fallbackMessage, keptLogFile, lastLines, logSize, readLog } from './container-log.ts'

let dir: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'container-log-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

test.each([
  ['a\nb\nc\n', 2, 'b\nc\n'],
  ['a\nb\nc', 2, 'b\nc'],
  ['a\n', 5, 'a\n'],
  ['a\nb\n', 0, ''],
])('the last lines of %j, %i of them, are %j', (text, count, expected) => {
  expect(lastLines(text, count)).toBe(expected)
})

test('an attempt is a range of bytes, and a log that is not there is empty', async () => {
  const file = join(dir, 'c.log')
  expect([await logSize(file), `${await readLog(file, 0)}`]).toEqual([0, ''])
  await writeFile(file, 'first\nsecond\n')
  expect(`${await readLog(file, 0, 6)}`).toBe('first\n')
  expect(`${await readLog(file, 6)}`).toBe('second\n')
})

test('a termination message is at most 2 KiB and 80 lines of the last attempt', async () => {
  const file = join(dir, 'c.log')
  await writeFile(file, `before\n${'x\n'.repeat(100)}`)
  expect(await fallbackMessage(file, 7)).toBe('x\n'.repeat(80))
  await writeFile(file, 'y'.repeat(5000))
  expect(await fallbackMessage(file, 0)).toBe('y'.repeat(2048))
})

test('the log of a pod that is gone is the youngest of that name', async () => {
  const write = async (folder: string, file: string, epochSeconds: number) => {
    await mkdir(join(dir, folder), { recursive: true })
    await writeFile(join(dir, folder, file), folder)
    await utimes(join(dir, folder, file), epochSeconds, epochSeconds)
  }
  await write('games_web_u1', 'main.log', 100)
  await write('games_web_u2', 'main.log', 200)
  await write('games_web_u2', 'side.log', 50)
  await write('games_web-2_u3', 'main.log', 300)
  expect(await keptLogFile(dir, 'games', 'web')).toBe(join(dir, 'games_web_u2', 'main.log'))
  expect(await keptLogFile(dir, 'games', 'web', 'side')).toBe(join(dir, 'games_web_u2', 'side.log'))
  expect(await keptLogFile(dir, 'games', 'nobody')).toBeUndefined()
})
