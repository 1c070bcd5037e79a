import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { parse, stringify } from 'yaml'
import { DEPLOY } from '../repository.ts'
import type { Stack } from '../stack/stack.ts'
import { OPERATOR_NAMESPACE } from './install-operator.ts'
import { kubectl } from './kubectl.ts'
import { type Manifest, manifestsOf } from './rendered.ts'


/** An overlay of a user's own; folders are those of deploy. */
export interface Kustomization {
  readonly resources: readonly string[]
  readonly components?: readonly string[]
  /** Merged over the configuration that deploy/admin ships. */
  readonly adminConfig?: object
}

/** What kustomize makes of it. */
export async function kustomized(
  stack: Stack,
  { resources, components = [], adminConfig }: Kustomization,
): Promise<Manifest[]> {
  // kustomize compares real paths, and takes a base outside of the overlay by a relative path only.
  const overlay = await realpath(await mkdtemp(join(tmpdir(), 'kustomized-')))
  try {
    const folders = (names: readonly string[]) => names.map((name) => relative(overlay, join(DEPLOY, name)))
    const kustomization = {
      resources: folders(resources),
      components: folders(components),
      ...(adminConfig ? { configMapGenerator: [await replaced(overlay, adminConfig)] } : {}),
    }
    await writeFile(join(overlay, 'kustomization.yaml'), stringify(kustomization))
    return manifestsOf(await kubectl(stack, ['kustomize', overlay]))
  } finally {
    await rm(overlay, { recursive: true })
  }
}

/** As a user replaces a configuration file in an overlay. */
async function replaced(overlay: string, changes: object): Promise<object> {
  const shipped = parse(await readFile(join(DEPLOY, 'admin/admin.yaml'), 'utf8')) as object
  await writeFile(join(overlay, 'admin.yaml'), stringify({ ...shipped, ...changes }))
  const name = 'analytics-connector-admin-config'
  return { name, namespace: OPERATOR_NAMESPACE, behavior: 'replace', files: ['admin.yaml'] }
}
