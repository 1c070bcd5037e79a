/** deploy/admin/tls as kustomize renders it: what its patches lead to, and what admin.yaml is told to say. */
import { expect, inject, test } from 'vitest'
import { parse } from 'yaml'
import { textOf } from '../drift/files.ts'
import { connectStack } from '../stack/remote.ts'
import { kustomized } from '../support/kustomized.ts'
import type { Manifest } from '../support/rendered.ts'

const stack = connectStack(inject('stack'))
const NAME = 'analytics-connector-admin'

/** An overlay over deploy/admin, as a user writes it. */
async function render(components: readonly string[]): Promise<Record<'Deployment' | 'Service', Manifest>> {
  const manifests = await kustomized(stack, { resources: ['admin'], components })
  const of = (kind: string) => manifests.find((each) => each.kind === kind && each.metadata.name === NAME)
  return { Deployment: of('Deployment'), Service: of('Service') }
}

test('the Service is at 443 instead of 80, and leads to the same port of the pods', async () => {
  const [plain, tls] = [await render([]), await render(['admin/tls'])]
  expect(plain.Service.spec.ports).toEqual([{ name: 'api', port: 80, targetPort: 'api' }])
  expect(tls.Service.spec).toEqual({ ...plain.Service.spec, ports: [{ name: 'api', port: 443, targetPort: 'api' }] })
})

test('the Secret is mounted, read-only, beside what was mounted before', async () => {
  const [plain, tls] = [await render([]), await render(['admin/tls'])]
  const [before, after] = [plain.Deployment.spec.template.spec, tls.Deployment.spec.template.spec]
  expect(after.volumes).toEqual([...before.volumes, { name: 'tls', secret: { secretName: `${NAME}-tls` } }])
  expect(after.containers[0].volumeMounts).toEqual([
    ...before.containers[0].volumeMounts,
    { name: 'tls', mountPath: '/etc/analytics-connector-tls', readOnly: true },
  ])
})

test('the files that the component tells to name in admin.yaml are those of the Secret, where it is mounted', async () => {
  const { Deployment } = await render(['admin/tls'])
  const [, told = ''] = /^# +(tls: \{.*\})$/m.exec(textOf('deploy/admin/tls/kustomization.yaml')) ?? []
  const [{ mountPath }] = Deployment.spec.template.spec.containers[0].volumeMounts.filter(
    ({ name }: Manifest) => name === 'tls',
  )
  // The keys of a Secret of type kubernetes.io/tls.
  expect(parse(told)).toEqual({ tls: { certFile: `${mountPath}/tls.crt`, keyFile: `${mountPath}/tls.key` } })
})
