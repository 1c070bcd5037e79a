/** The Helm chart and the kustomizations of deploy/ are two ways to the same objects. */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import { stringify } from 'yaml'
import { DEPLOY } from '../repository.ts'
import { connectStack } from '../stack/remote.ts'
import { CHART, type Helm, openHelm } from '../support/helm.ts'
import { kubectl } from '../support/kubectl.ts'
import { type Kustomization, kustomized } from '../support/kustomized.ts'
import { comparable, type Manifest, manifestsOf } from '../support/rendered.ts'

const stack = connectStack(inject('stack'))
const NAMESPACE = 'analytics-connector'
let helm: Helm

beforeAll(async () => {
  helm = await openHelm(stack)
})

afterAll(() => helm?.close())

/** The namespace is Helm's `--create-namespace`. */
async function folders(kustomization: Kustomization): Promise<Record<string, Manifest>> {
  return comparable((await kustomized(stack, kustomization)).filter(({ kind }) => kind !== 'Namespace'))
}

async function templated(values: object = {}): Promise<Record<string, Manifest>> {
  const file = join(await mkdtemp(join(tmpdir(), 'helm-values-')), 'values.yaml')
  onTestFinished(() => rm(join(file, '..'), { recursive: true }))
  await writeFile(file, stringify(values))
  return comparable(manifestsOf(await helm('template', 'any-name', CHART, '--namespace', NAMESPACE, '-f', file)))
}

test.each<{ what: string; values: object; kustomization: Kustomization }>([
  { what: 'a chart of default values', values: {}, kustomization: { resources: ['base'] } },
  {
    what: 'an install for the cluster',
    values: {},
    kustomization: { resources: ['overlays/cluster'] },
  },
  {
    what: 'one for some namespaces',
    values: { watchNamespaces: ['games', 'services'] },
    kustomization: { resources: ['overlays/namespaces'] },
  },
  {
    what: 'one for its own namespace',
    values: { watchNamespaces: [NAMESPACE] },
    kustomization: { resources: ['overlays/namespace'] },
  },
  {
    what: 'one with the REST API',
    values: { admin: { enabled: true } },
    kustomization: { resources: ['base', 'admin'] },
  },
  {
    what: 'one with the REST API over TLS',
    values: { admin: { enabled: true, tlsSecretName: 'analytics-connector-admin-tls' } },
    kustomization: {
      resources: ['base', 'admin'],
      components: ['admin/tls'],
      adminConfig: {
        tls: { certFile: '/etc/analytics-connector-tls/tls.crt', keyFile: '/etc/analytics-connector-tls/tls.key' },
      },
    },
  },
  {
    what: 'one with the REST API for some namespaces',
    values: {
      watchNamespaces: ['games', 'services'],
      admin: { enabled: true, config: { connectorNamespace: 'games' } },
    },
    kustomization: { resources: ['overlays/namespaces', 'admin'], components: ['admin/namespaces'] },
  },
  {
    what: 'one with the REST API for its own namespace',
    values: { watchNamespaces: [NAMESPACE], admin: { enabled: true } },
    kustomization: { resources: ['overlays/namespace', 'admin'], components: ['admin/namespace'] },
  },
  {
    what: 'one with everything',
    values: {
      admin: { enabled: true },
      networkPolicies: { enabled: true },
      monitoring: {
        podMonitors: { enabled: true },
        prometheusRule: { enabled: true },
        dashboard: { enabled: true },
      },
    },
    kustomization: { resources: ['base', 'admin'], components: ['monitoring', 'network-policies'] },
  },
])('$what gives the same objects', async ({ values, kustomization }) => {
  const [chart, folder] = await Promise.all([templated(values), folders(kustomization)])
  expect(Object.keys(chart).sort()).toEqual(Object.keys(folder).sort())
  for (const [name, object] of Object.entries(folder)) expect(chart[name], name).toEqual(object)
})

test('helm finds nothing wrong with the chart', async () => {
  const everything = [
    '--set',
    'admin.enabled=true,admin.tlsSecretName=tls,networkPolicies.enabled=true,monitoring.podMonitors.enabled=true',
  ]
  for (const values of [[], everything])
    expect(await helm('lint', '--strict', CHART, ...values)).toContain('0 chart(s) failed')
})

test.each([
  ['a value that does not exist', 'operator.replica=3', "additional properties 'replica' not allowed"],
  ['a configuration that the operator would refuse', 'operator.config.realm=a b', '/operator/config/realm'],
  [
    'a REST API that makes connectors where it has no right',
    'admin.enabled=true,watchNamespaces={games}',
    'admin.config.connectorNamespace: must be one of watchNamespaces (games)',
  ],
  [
    'a REST API whose topics would not be the operator’s',
    'admin.enabled=true,operator.config.realm=dev',
    'admin.config.realm: must be the same as operator.config.realm',
  ],
  ['a quantity that Kubernetes would refuse', 'operator.config.sinkResources.limits.memory=1GB', '/limits/memory'],
  ['a repository with a tag', 'image.repository=registry.example.com/connector:0.1.0', '/image/repository'],
  ['a tag that is none', 'image.tag=sha256:c0ffee', '/image/tag'],
  [
    'an address of runbooks that would run into their names',
    'monitoring.prometheusRule.runbookUrl=https://runbooks.example.com/ops',
    '/monitoring/prometheusRule/runbookUrl',
  ],
  ['what is no namespace', 'watchNamespaces={games, services}', '/watchNamespaces/1'],
  ['namespaces in one component only', 'operator.config.watchNamespaces={games}', "'watchNamespaces' not allowed"],
])('helm refuses %s', async (_what, assignment, said) => {
  await expect(helm('template', 'x', CHART, '--set', assignment)).rejects.toThrow(said)
})

test('what is set reaches the pods', async () => {
  const tolerations = [{ key: 'infra', operator: 'Exists' }]
  const operator = { tolerations, nodeSelector: { infra: 'edge' }, resources: { limits: { memory: '2Gi' } } }
  const image = { repository: 'registry.example.com/analytics-connector', tag: 'dev' }
  const objects = await templated({ image, imagePullSecrets: [{ name: 'pull' }], operator })
  const { spec } = objects[`Deployment ${NAMESPACE}/analytics-connector-operator`].spec.template
  const { image: shown, resources } = spec.containers[0]
  expect(shown).toBe('registry.example.com/analytics-connector:dev')
  expect(resources.limits.memory).toBe('2Gi')
  expect(spec).toMatchObject({ tolerations, nodeSelector: { infra: 'edge' }, imagePullSecrets: [{ name: 'pull' }] })
})

test('an image can be taken by its digest', async () => {
  const digest = 'c0ffee'.repeat(11).slice(0, 64)
  const objects = await templated({ image: { repository: 'registry.example.com/connector@sha256', tag: digest } })
  const [operator] = objects[`Deployment ${NAMESPACE}/analytics-connector-operator`].spec.template.spec.containers
  expect(operator.image).toBe(`registry.example.com/connector@sha256:${digest}`)
})

test('of the tokens that the REST API accepts those of its own issuer can be left out', async () => {
  const iam = { url: 'https://iam.example.com/iam', issuer: 'https://iam.example.com' }
  const objects = await templated({ admin: { enabled: true, config: { auth: { iam, builtIn: null } } } })
  const { data } = objects[`ConfigMap ${NAMESPACE}/analytics-connector-admin-config`]
  expect(data['admin.yaml'].auth).toEqual({ iam })
})

test('another chart can have it among its dependencies, by a condition', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'helm-platform-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const name = 'analytics-connector'
  await cp(CHART, join(folder, 'charts', name), { recursive: true })
  const dependencies = [{ name, version: '>=0.0.0', condition: `${name}.enabled` }]
  const chart = { apiVersion: 'v2', name: 'platform', version: '1.0.0', dependencies }
  await writeFile(join(folder, 'Chart.yaml'), stringify(chart))
  const kinds = async (enabled: boolean) => {
    await writeFile(join(folder, 'values.yaml'), stringify({ [name]: { enabled } }))
    return manifestsOf(await helm('template', 'any-name', folder)).map(({ kind }) => kind)
  }
  expect(await kinds(true)).toContain('Deployment')
  expect(await kinds(false)).toEqual([])
})

test('the files that the configuration of the REST API names can be mounted', async () => {
  const secrets = [
    { name: 'kafka-ca', mountPath: '/etc/kafka' },
    { name: 'iam', mountPath: '/etc/iam' },
  ]
  const objects = await templated({ admin: { enabled: true, secrets } })
  const { spec } = objects[`Deployment ${NAMESPACE}/analytics-connector-admin`].spec.template
  for (const { name, mountPath } of secrets) {
    const volume = spec.volumes.find(({ secret }: Manifest) => secret?.secretName === name)
    expect(spec.containers[0].volumeMounts).toContainEqual({ name: volume?.name, mountPath, readOnly: true })
  }
})

test('a REST API that waits longer for its balancers is not killed while it does', async () => {
  const graceOf = async (config: object) => {
    const objects = await templated({ admin: { enabled: true, config } })
    return objects[`Deployment ${NAMESPACE}/analytics-connector-admin`].spec.template.spec.terminationGracePeriodSeconds
  }
  expect(await graceOf({})).toBe(45)
  expect(await graceOf({ shutdownDelaySeconds: 59.5 })).toBe(100)
})

test('the REST API has rights where the operator has them', async () => {
  const rights = async (watchNamespaces: readonly string[]) => {
    const [connectorNamespace] = watchNamespaces
    const config = connectorNamespace ? { connectorNamespace } : {}
    const objects = await templated({ admin: { enabled: true, config }, watchNamespaces })
    const isOfConnectors = (name: string) => /-connectors$|Cluster.*-(admin|operator)$/.test(name)
    return Object.keys(objects)
      .filter((name) => name.includes('Role') && isOfConnectors(name))
      .sort()
  }
  expect(await rights([])).toEqual(
    ['admin', 'operator']
      .flatMap((part) => [`ClusterRole /analytics-connector-${part}`])
      .concat(['admin', 'operator'].map((part) => `ClusterRoleBinding /analytics-connector-${part}`)),
  )
  expect((await rights(['games'])).filter((name) => name.includes('Binding'))).toEqual([
    'RoleBinding games/analytics-connector-admin-connectors',
    'RoleBinding games/analytics-connector-connectors',
  ])
  expect((await rights([NAMESPACE])).filter((name) => name.startsWith('Cluster'))).toEqual([])
})

test('an install can go from each of its scopes to each other: no binding of a name refers to another role, which none may change', async () => {
  const references = new Map<string, Set<string>>()
  for (const watchNamespaces of [[], [NAMESPACE], [NAMESPACE, 'games'], ['games']]) {
    const config = { connectorNamespace: watchNamespaces[0] ?? NAMESPACE }
    const objects = await templated({ watchNamespaces, admin: { enabled: true, config } })
    for (const [name, { roleRef }] of Object.entries(objects))
      if (roleRef) references.set(name, (references.get(name) ?? new Set()).add(`${roleRef.kind} ${roleRef.name}`))
  }
  expect([...references].filter(([, roles]) => roles.size > 1)).toEqual([])
})

test('the sinks of each namespace have the NetworkPolicy that is applied by hand for all', async () => {
  const objects = await templated({ watchNamespaces: ['games', 'services'], networkPolicies: { enabled: true } })
  const [byHand] = manifestsOf(await kubectl(stack, ['kustomize', join(DEPLOY, 'network-policies/sinks')]))
  for (const namespace of ['games', 'services']) {
    const policy = objects[`NetworkPolicy ${namespace}/analytics-connector-sinks`]
    expect(policy).toEqual({ ...byHand, metadata: { ...byHand.metadata, namespace } })
  }
})

test('alerts link to the runbooks where they are', async () => {
  const prometheusRule = { enabled: true, runbookUrl: 'https://runbooks.example.com/' }
  const objects = await templated({ monitoring: { prometheusRule, labels: { release: 'prometheus' } } })
  const { metadata, spec } = objects[`PrometheusRule ${NAMESPACE}/analytics-connector`]
  expect(metadata.labels.release).toBe('prometheus')
  const urls = spec.groups.flatMap((group: Manifest) =>
    group.rules.map((rule: Manifest) => rule.annotations.runbook_url),
  )
  expect(urls[0]).toBe('https://runbooks.example.com/AnalyticsConnectorFailed.md')
})

test('without the CRD a second install that looks after its own namespace has nothing of the cluster’s, so nothing of the first one’s', async () => {
  const objects = await templated({ crds: { enabled: false }, watchNamespaces: [NAMESPACE], admin: { enabled: true } })
  expect(Object.keys(objects).filter((name) => !name.includes(` ${NAMESPACE}/`))).toEqual([])
})
