import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')

/** Paths from the repository's root, in order. */
export function filesLike(...patterns: readonly string[]): string[] {
  return patterns.flatMap((pattern) => globSync(pattern, { cwd: root })).sort()
}

export function textOf(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}
