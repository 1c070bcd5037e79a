/** A revision that exists as a ConfigMap. */
export interface ExistingRevision {
  readonly revision: string
  /** RFC 3339, to the second. */
  readonly createdAt: string
}

/** How many revisions the pods can read: the current one, and earlier ones under which a range may still be unfinished. */
const MOUNTED_REVISIONS = 5

/**
 * Which revisions a pod template lists: those that were used last, the last one first. When a revision was made says little of that, as an
 * edit that is taken back makes an old one the current one again. While the current revision stays the same the list stays as it
 * is, whatever is made or deleted beside it: a change of the list rolls all pods.
 *
 * @param mounted the current revision and the list of the Deployment that exists
 * @param delivering the last revision that all pods delivered with, however many edits have failed since: the pods that run have it
 */
export function revisionsToMount(
  current: string,
  existing: readonly ExistingRevision[],
  mounted: { readonly revision: string; readonly list: readonly string[] } | undefined,
  delivering: string | undefined,
): string[] {
  if (mounted?.revision === current && mounted.list.includes(current)) return [...mounted.list]
  const { revision, list = [] } = mounted ?? {}
  const byUse = [current, delivering, revision, ...list, ...newestFirst(existing)]
  return [...new Set(byUse.filter((each) => each !== undefined))].slice(0, MOUNTED_REVISIONS)
}

/** Revisions that nothing needs any more: neither listed in the pod template nor used by pods that exist or will be made again. */
export function revisionsToDelete(
  existing: readonly ExistingRevision[],
  listed: readonly string[],
  usedByPods: ReadonlySet<string>,
): string[] {
  const kept = new Set(listed)
  for (const revision of newestFirst(existing)) {
    if (kept.size >= MOUNTED_REVISIONS) break
    kept.add(revision)
  }
  return existing.map(({ revision }) => revision).filter((revision) => !kept.has(revision) && !usedByPods.has(revision))
}

function newestFirst(existing: readonly ExistingRevision[]): string[] {
  return existing
    .toSorted((a, b) => b.createdAt.localeCompare(a.createdAt) || a.revision.localeCompare(b.revision))
    .map(({ revision }) => revision)
}
