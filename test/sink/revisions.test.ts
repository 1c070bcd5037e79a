import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { revisionOf } from '../../src/contract/sink-config.ts'
import { readRevision } from '../../src/sink/revisions.ts'
import { sinkConfig } from '../support/sink-process.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'revisions-'))
})
afterEach(() => rm(dir, { recursive: true }))

const store = (revision: string, content: unknown) => writeFile(join(dir, `${revision}.json`), JSON.stringify(content))

test('a revision is read as it was written', async () => {
  const config = sinkConfig()
  await store(revisionOf(config), config)
  expect(readRevision(dir, revisionOf(config))).toEqual(config)
})

test('one that is not there, not readable or not complete is named with what is wrong', async () => {
  expect(() => readRevision(dir, 'missing')).toThrow(/missing\.json cannot be read: ENOENT/)
  await writeFile(join(dir, 'broken.json'), '{')
  expect(() => readRevision(dir, 'broken')).toThrow(/broken\.json cannot be read: .*JSON/)
  const { realm: _, ...incomplete } = sinkConfig()
  await store('incomplete', incomplete)
  expect(() => readRevision(dir, 'incomplete')).toThrow(/incomplete\.json: .*realm/)
})

test('one whose content is that of another revision is refused: a replay under it would write other objects', async () => {
  await store('0123456789', sinkConfig())
  expect(() => readRevision(dir, '0123456789')).toThrow(`the content is that of revision ${revisionOf(sinkConfig())}`)
})
