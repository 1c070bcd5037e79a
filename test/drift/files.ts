import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from '../repository.ts'

/** Paths from the repository's root, in order. */
export function filesLike(...patterns: readonly string[]): string[] {
  return patterns.flatMap((pattern) => globSync(pattern, { cwd: REPOSITORY })).sort()
}

export function textOf(path: string): string {
  return readFileSync(join(REPOSITORY, path), 'utf8')
}
