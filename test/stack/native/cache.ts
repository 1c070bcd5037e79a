import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { guardFolder } from './guard.ts'
import { acquireLock, isAlive } from './lock.ts'

/** Something that is made once and kept: a compiled server, downloaded jars. */
export interface Recipe {
  readonly name: string
  readonly version: string
  /** Everything that decides the result: when one of these changes, it is made anew beside the old one. */
  readonly inputs: readonly string[]
  /** Fills the empty folder `dir`, which is renamed afterwards: nothing in it may name its own path. */
  build(dir: string): Promise<void>
}

export interface CacheOptions {
  readonly progress: (line: string) => void
  readonly root?: string
}

/** The user's cache folder after the XDG base directory specification. */
export function cacheRoot(env: NodeJS.ProcessEnv = process.env): string {
  const base = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : join(homedir(), '.cache')
  return join(base, 'analytics-connector')
}

/** The folder name of a recipe's result. */
export function cacheKey(recipe: Pick<Recipe, 'name' | 'version' | 'inputs'>): string {
  const hash = createHash('sha256').update(JSON.stringify(recipe.inputs)).digest('hex').slice(0, 10)
  return `${recipe.name}-${recipe.version}-${hash}`
}

/**
 * Returns the folder of the finished result, building it when it is not there.
 *
 * A result is built in a temporary sibling folder and renamed when it is complete, so a folder under its final name is
 * always finished. The lock only saves work: were two to build at once after all, the first rename wins.
 */
export async function cached(recipe: Recipe, options: CacheOptions): Promise<string> {
  const root = options.root ?? cacheRoot()
  const key = cacheKey(recipe)
  const finished = join(root, key)
  if (existsSync(finished)) return finished
  await mkdir(root, { recursive: true })
  const release = await acquireLock(`${finished}.lock`, (holder) =>
    options.progress(`waiting for process ${holder}, which is making ${recipe.name} ${recipe.version}`),
  )
  try {
    if (!existsSync(finished)) await buildInto(finished, recipe)
    return finished
  } finally {
    await release()
  }
}

async function buildInto(finished: string, recipe: Recipe): Promise<void> {
  await removeLeftovers(finished)
  const unfinished = `${finished}.tmp-${process.pid}-${randomBytes(3).toString('hex')}`
  guardFolder(unfinished)
  await mkdir(unfinished)
  try {
    await recipe.build(unfinished)
    await rename(unfinished, finished).catch((error) => {
      if (!existsSync(finished)) throw error
    })
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

/** Removes what builds left behind whose process is gone. */
async function removeLeftovers(finished: string): Promise<void> {
  const [root, key] = [join(finished, '..'), finished.slice(finished.lastIndexOf('/') + 1)]
  for (const name of await readdir(root)) {
    if (!name.startsWith(`${key}.tmp-`)) continue
    const pid = Number(name.slice(`${key}.tmp-`.length).split('-')[0])
    if (!isAlive(pid)) await rm(join(root, name), { recursive: true, force: true })
  }
}
