/** deploy/admin/tls as kustomize renders it: what its patches lead to, and what admin.yaml is told to say. */
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { DEPLOY } from '../repository.ts'
import { connectStack } from '../stack/remote.ts'
import { kubectl } from '../support/kubectl.ts'

const stack = connectStack(inject('stack'))
const ADMIN = join(DEPLOY, 'admin')
const NAME = 'analytics-connector-admin'

// biome-ignore lint/suspicious/noExplicitAny: manifests are read at many depths
type Manifest = any

/** An overlay over deploy/admin, as a user writes it. */
async function render(components: readonly string[]): Promise<Record<'Deployment' | 'Service', Manifest>> {
  // kustomize compares real paths, and takes a base outside of the overlay by a relative path only.
  const overlay = await realpath(await mkdtemp(join(tmpdir(), 'admin-tls-')))
  onTestFinished(() => rm(overlay, { recursive: true }))
  const base = relative(overlay, ADMIN)
  const kustomization = { resources: [base], components: components.map((name) => join(base, name)) }
  await writeFile(join(overlay, 'kustomization.yaml'), stringify(kustomization))
  const manifests = parseAllDocuments(await kubectl(stack, ['kustomize', overlay])).map(
    (each) => each.toJS() as Manifest,
  )
  const of = (kind: string) => manifests.find((each) => each.kind === kind && each.metadata.name === NAME)
  return { Deployment: of('Deployment'), Service: of('Service') }
}

test('the Service is at 443 instead of 80, and leads to the same port of the pods', async () => {
  const [plain, tls] = [await render([]), await render(['tls'])]
  expect(plain.Service.spec.ports).toEqual([{ name: 'api', port: 80, targetPort: 'api' }])
  expect(tls.Service.spec).toEqual({ ...plain.Service.spec, ports: [{ name: 'api', port: 443, targetPort: 'api' }] })
})

test('the Secret is mounted, read-only, beside what was mounted before', async () => {
  const [plain, tls] = [await render([]), await render(['tls'])]
  const [before, after] = [plain.Deployment.spec.template.spec, tls.Deployment.spec.template.spec]
  expect(after.volumes).toEqual([...before.volumes, { name: 'tls', secret: { secretName: `${NAME}-tls` } }])
  expect(after.containers[0].volumeMounts).toEqual([
    ...before.containers[0].volumeMounts,
    { name: 'tls', mountPath: '/etc/analytics-connector-tls', readOnly: true },
  ])
})

test('the files that the component tells to name in admin.yaml are those of the Secret, where it is mounted', async () => {
  const { Deployment } = await render(['tls'])
  const [, told = ''] = /^# +(tls: \{.*\})$/m.exec(await readFile(join(ADMIN, 'tls/kustomization.yaml'), 'utf8')) ?? []
  const [{ mountPath }] = Deployment.spec.template.spec.containers[0].volumeMounts.filter(
    ({ name }: Manifest) => name === 'tls',
  )
  // The keys of a Secret of type kubernetes.io/tls.
  expect(parse(told)).toEqual({ tls: { certFile: `${mountPath}/tls.crt`, keyFile: `${mountPath}/tls.key` } })
})
