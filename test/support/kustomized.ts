import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { DEPLOY } from '../repository.ts'
import type { Stack } from '../stack/stack.ts'
import { OPERATOR_NAMESPACE } from './install-operator.ts'
import { kubectl } from './kubectl.ts'
import { type Overlay, withOverlay } from './overlay.ts'
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
  const shipped = parse(await readFile(join(DEPLOY, 'admin/admin.yaml'), 'utf8')) as object
  // As a user replaces a configuration file.
  const name = 'analytics-connector-admin-config'
  const replaced = { name, namespace: OPERATOR_NAMESPACE, behavior: 'replace', files: ['admin.yaml'] }
  const overlay: Overlay = {
    files: { 'admin.yaml': { ...shipped, ...adminConfig } },
    kustomization: (deploy) => ({
      resources: resources.map(deploy),
      components: components.map(deploy),
      configMapGenerator: adminConfig ? [replaced] : [],
    }),
  }
  return withOverlay(overlay, async (folder) => manifestsOf(await kubectl(stack, ['kustomize', folder])))
}
