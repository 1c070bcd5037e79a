import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { revisionOf } from '../../src/contract/sink-config.ts'
import type { Logger } from '../../src/lib/logger.ts'
import { checkRevisions, readRevision } from '../../src/sink/revisions.ts'
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
})

test('one that a newer version wrote is told from one that is damaged: only the latter stands in the way of a start', async () => {
  const { realm: _, ...incomplete } = sinkConfig()
  const newer = { ...sinkConfig(), addedLater: true }
  for (const config of [incomplete, newer]) await store(revisionOf(config), config)
  expect(() => readRevision(dir, revisionOf(incomplete))).toThrow(/is of another version of this program: .*realm/)
  expect(() => readRevision(dir, revisionOf(newer))).toThrow(/is of another version of this program: .*addedLater/)
  const warned: string[] = []
  const logger = { warn: ({ error }: { error: string }) => warned.push(error) } as unknown as Logger
  checkRevisions(dir, logger)
  expect(warned).toHaveLength(2)
  await writeFile(join(dir, 'README'), 'no revision')
  await store('0123456789', sinkConfig())
  expect(() => checkRevisions(dir, logger)).toThrow(/0123456789\.json: the content is that of revision/)
})

test('one whose content is that of another revision is refused: a replay under it would write other objects', async () => {
  await store('0123456789', sinkConfig())
  expect(() => readRevision(dir, '0123456789')).toThrow(`the content is that of revision ${revisionOf(sinkConfig())}`)
})
