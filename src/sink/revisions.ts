import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { revisionOf, type SinkConfig, sinkConfigSchema } from '../contract/sink-config.ts'

/** A configuration that cannot be used. The message names the file and what is wrong with it. */
export class RevisionError extends Error {
  override readonly name = 'RevisionError'
}

/**
 * Reads one revision of the configuration, `<revision>.json` in a folder of mounted ones.
 *
 * @throws RevisionError when there is none, or it is not what its name says
 */
export function readRevision(dir: string, revision: string): SinkConfig {
  const path = join(dir, `${revision}.json`)
  const parsed = sinkConfigSchema.safeParse(readJson(path))
  if (!parsed.success) throw new RevisionError(`${path}: ${z.prettifyError(parsed.error).replace(/\s+/g, ' ')}`)
  const content = revisionOf(parsed.data)
  if (content !== revision) throw new RevisionError(`${path}: the content is that of revision ${content}`)
  return parsed.data
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new RevisionError(`${path} cannot be read: ${error instanceof Error ? error.message : error}`)
  }
}
