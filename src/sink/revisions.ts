import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { revisionOf, type SinkConfig, sinkConfigSchema } from '../contract/sink-config.ts'
import type { Logger } from '../lib/logger.ts'

/** A configuration that cannot be used. The message names the file and what is wrong with it. */
export class RevisionError extends Error {
  override readonly name: string = 'RevisionError'
}

/** The file is whole, but this version of the program does not know all of it: a newer one wrote it, before a rollback. */
export class OtherVersionError extends RevisionError {
  override readonly name = 'OtherVersionError'
}

/**
 * Reads one revision of the configuration, `<revision>.json` in a folder of mounted ones.
 *
 * @throws RevisionError when there is none, or it is not what its name says
 */
export function readRevision(dir: string, revision: string): SinkConfig {
  const path = join(dir, `${revision}.json`)
  const json = readJson(path)
  const content = revisionOf(json)
  if (content !== revision) throw new RevisionError(`${path}: the content is that of revision ${content}`)
  const parsed = sinkConfigSchema.safeParse(json)
  if (parsed.success) return parsed.data
  throw new OtherVersionError(
    `${path} is of another version of this program: ${z.prettifyError(parsed.error).replace(/\s+/g, ' ')}`,
  )
}

/**
 * Reads all that are mounted: any of them may be needed to finish what an earlier sink began. One of another version stands in
 * the way of nobody before a partition needs it, which then stops: after a rollback there is one, and most often nothing needs it.
 *
 * @throws RevisionError for the first that is damaged
 */
export function checkRevisions(dir: string, logger: Logger): void {
  for (const file of readdirSync(dir).sort()) {
    const revision = /^(.+)\.json$/.exec(file)?.[1]
    if (revision === undefined) continue
    try {
      readRevision(dir, revision)
    } catch (error) {
      if (!(error instanceof OtherVersionError)) throw error
      logger.warn({ error: error.message }, 'what was begun under this revision cannot be finished by this version')
    }
  }
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new RevisionError(`${path} cannot be read: ${error instanceof Error ? error.message : error}`)
  }
}
