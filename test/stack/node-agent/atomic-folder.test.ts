import { mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeAtomically } from './atomic-folder.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atomic-folder-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function show(files: Readonly<Record<string, string>>, mode = 0o644): Promise<void> {
  return writeAtomically(
    folder,
    new Map(Object.entries(files).map(([path, text]) => [path, { content: Buffer.from(text), mode }])),
  )
}

test('files appear under their paths with exactly their modes', async () => {
  await show({ 'a.json': '1', 'deep/b': '2' }, 0o666)
  expect(await readFile(join(folder, 'a.json'), 'utf8')).toBe('1')
  expect(await readFile(join(folder, 'deep/b'), 'utf8')).toBe('2')
  expect((await stat(join(folder, 'a.json'))).mode & 0o777).toBe(0o666)
})

test('a second version replaces the first, adds new names and takes away old ones', async () => {
  await show({ a: '1', gone: 'x' })
  await show({ a: '2', added: 'y' })
  expect((await readdir(folder)).filter((name) => !name.startsWith('..')).sort()).toEqual(['a', 'added'])
  expect(await readFile(join(folder, 'a'), 'utf8')).toBe('2')
  expect((await readdir(folder)).filter((name) => name.startsWith('..2'))).toEqual([
    await readlink(join(folder, '..data')),
  ])
})
