/** The overlays that the pages show are built as they stand there, and bring what they say to the pods. */
import { expect, inject, test } from 'vitest'
import { textOf } from '../drift/files.ts'
import { connectStack } from '../stack/remote.ts'
import { OPERATOR_NAMESPACE } from '../support/install-operator.ts'
import { kubectl } from '../support/kubectl.ts'
import { withOverlay } from '../support/overlay.ts'
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
  const files = Object.entries(FILES).map(([file, home]) => {
    return [file, textOf(`deploy/${home}/${file}`).replace('realm: live', 'realm: shown')]
  })
  return withOverlay(
    { kustomization: (deploy) => overlay.replaceAll('../deploy', deploy('.')), files: Object.fromEntries(files) },
    async (folder) => manifestsOf(await kubectl(stack, ['kustomize', folder])),
  )
}
