/** Where a mountPath of a container is on the real disk. */
export interface MountedFolder {
  readonly mountPath: string
  readonly folder: string
}

/** Turns every mountPath in a text into the folder that stands for it. */
export type PathTranslation = (text: string) => string

/**
 * There is no mount namespace, so a mountPath does not exist on disk: wherever one appears in a command, an argument or an
 * environment value as the beginning of a path, it is replaced by its folder. `/etc/app` matches in `/etc/app`, `/etc/app/x.json`,
 * `--config=/etc/app/x.json` and `file:///etc/app`, but not in `/etc/app2` nor in `/usr/etc/app`. Paths inside files are not
 * seen.
 */
export function translatePaths(mounts: readonly MountedFolder[]): PathTranslation {
  if (mounts.length === 0) return (text) => text
  const folders = new Map(mounts.map(({ mountPath, folder }) => [withoutSlash(mountPath), folder]))
  const longestFirst = [...folders.keys()].sort((a, b) => b.length - a.length)
  const pattern = new RegExp(`(?<=^|[^\\w./-]|://)(?:${longestFirst.map(escaped).join('|')})(?![\\w.-])`, 'g')
  return (text) => text.replace(pattern, (mountPath) => folders.get(mountPath) ?? mountPath)
}

function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') : path
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
