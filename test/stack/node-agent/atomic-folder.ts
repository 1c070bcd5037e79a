import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export interface FileContent {
  readonly content: Buffer
  readonly mode: number
}

/** Relative path to content. */
export type Files = ReadonlyMap<string, FileContent>

/**
 * Makes `folder` show exactly `files`, all of them at once: the files are written beside, `..data` is swung over by a rename, and
 * the visible names are links through it. A reader sees the old set or the new one, never a mixture.
 * Source: Kubernetes pkg/volume/util/atomic_writer.go.
 */
export async function writeAtomically(folder: string, files: Files): Promise<void> {
  await mkdir(folder, { recursive: true })
  const previous = await readlink(join(folder, '..data')).catch(() => undefined)
  const version = `..${new Date().toISOString().replaceAll(/\D/g, '_')}${randomBytes(3).toString('hex')}`
  await mkdir(join(folder, version))
  for (const [path, { content, mode }] of files) await writeOne(join(folder, version, path), content, mode)
  await rm(join(folder, '..data_tmp'), { force: true })
  await symlink(version, join(folder, '..data_tmp'))
  await rename(join(folder, '..data_tmp'), join(folder, '..data'))
  await linkVisibleNames(folder, new Set([...files.keys()].map((path) => path.split('/')[0] ?? path)))
  if (previous) await rm(join(folder, previous), { recursive: true, force: true })
}

async function writeOne(path: string, content: Buffer, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
  // Not through writeFile's own mode: that one is cut by the umask.
  await chmod(path, mode)
}

async function linkVisibleNames(folder: string, wanted: ReadonlySet<string>): Promise<void> {
  const present = new Set((await readdir(folder)).filter((name) => !name.startsWith('..')))
  for (const name of wanted) if (!present.has(name)) await symlink(join('..data', name), join(folder, name))
  for (const name of present) if (!wanted.has(name)) await rm(join(folder, name), { force: true })
}
