/** The overlays that the pages show are built as they stand there, and bring what they say to the pods. */
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { DEPLOY } from '../repository.ts'
import { textOf } from '../drift/files.ts'
import { connectStack } from '../stack/remote.ts'
import { OPERATOR_NAMESPACE } from '../support/install-operator.ts'
import { kubectl } from '../support/kubectl.ts'
import { type Manifest, manifestsOf } from '../support/rendered.ts'

const stack = connectStack(inject('stack'))
/** The configuration files that an overlay replaces, by where they are shipped. */
const FILES = { 'operator.yaml': 'base', 'admin.yaml': 'admin' }

const shown = ['docs/install.md', 'docs/rest-api.md'].flatMap((page) => {
  const blocks = [...textOf(page).matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, block = '']) => block)
  const patches = blocks.filter((block) => block.startsWith('patches:')).join('')
  return blocks
    .filter((block) => block.includes('../deploy/'))
    .flatMap((overlay) => [
      { page, overlay, how: 'as it is' },
      { page, overlay: overlay.replace(/^( *)# /gm, '$1') + patches, how: 'with all that the page offers' },
    ])
})

/** Other bases that the page's table offers for it. */
const onOthers = ['overlays/cluster', 'overlays/namespaces', 'overlays/namespace'].flatMap((base) =>
  shown
    .filter(({ page, how }) => page === 'docs/install.md' && how === 'as it is')
    .map(({ page, overlay }) => ({
      page,
      overlay: overlay.replace('deploy/base', `deploy/${base}`),
      how: `on ${base}`,
    })),
)

test.each([...shown, ...onOthers])(
  'the overlay of $page, $how, replaces the configuration that the pods mount',
  async ({ overlay }) => {
    const manifests = await built(overlay)
    const replaced = [...overlay.matchAll(/files: \[(.*)\]/g)].map(([, file]) => file)
    const isShown = ({ kind, data = {} }: Manifest) =>
      kind === 'ConfigMap' && /realm: shown/.test(Object.values(data).join())
    const configs = manifests.filter(isShown)
    expect(configs.flatMap(({ data }) => Object.keys(data))).toEqual(replaced)
    const mounted = manifests.flatMap(({ kind, spec }) => (kind === 'Deployment' ? spec.template.spec.volumes : []))
    for (const [, secret] of overlay.matchAll(/secretName: (\S+)/g))
      expect(mounted.map(({ secret: of }) => of?.secretName)).toContain(secret)
    for (const { metadata } of configs) {
      expect(metadata.namespace).toBe(OPERATOR_NAMESPACE)
      expect(mounted.map(({ configMap }) => configMap?.name)).toContain(metadata.name)
    }
  },
)

test('with a namespace of its own, everything of the base and the rights of its accounts are there', async () => {
  const manifests = await built('namespace: other\nresources: [../deploy/base, ../deploy/admin]\n')
  const namespaces = manifests.flatMap(({ metadata, subjects = [] }) => [
    metadata.namespace ?? 'other',
    ...subjects.map(({ namespace }: Manifest) => namespace),
  ])
  expect([...new Set(namespaces)]).toEqual(['other'])
})

async function built(overlay: string): Promise<Manifest[]> {
  // kustomize compares real paths, and takes a base outside of the overlay by a relative path only.
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'page-overlay-')))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'kustomization.yaml'), overlay.replaceAll('../deploy', relative(folder, DEPLOY)))
  for (const [file, home] of Object.entries(FILES)) {
    const shipped = await readFile(join(DEPLOY, home, file), 'utf8')
    await writeFile(join(folder, file), shipped.replace('realm: live', 'realm: shown'))
  }
  return manifestsOf(await kubectl(stack, ['kustomize', folder]))
}
