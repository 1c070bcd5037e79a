/** What the NetworkPolicies let in are the ports that the pods listen on, and what they let through is what the programs need. */
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { HTTP_PORT } from '../../src/contract/names.ts'
import { objectLabels } from '../../src/operator/desired/metadata.ts'
import { type End, isLetThrough, type NetworkPolicy, type Pod, type Rule } from '../support/network-policies.ts'
import { textOf } from './files.ts'

type Labels = Readonly<Record<string, string>>

interface Deployment {
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly labels: Labels }
      readonly spec: {
        readonly containers: readonly { readonly ports: readonly { readonly containerPort: number }[] }[]
      }
    }
  }
}

const policyOf = (name: string) => parse(textOf(`deploy/network-policies/${name}.yaml`)) as NetworkPolicy
const portsOf = (rules: readonly Rule[] = []) => rules.flatMap(({ ports = [] }) => ports.map(({ port }) => port)).sort()
const sinks = policyOf('sinks/sinks')

test.each([
  ['operator', 'deploy/base/deployment.yaml'],
  ['admin', 'deploy/admin/deployment.yaml'],
])('%s: every port of its pods, and no other', (name, path) => {
  const { metadata, spec } = (parse(textOf(path)) as Deployment).spec.template
  const { podSelector, policyTypes, ingress } = policyOf(name).spec
  expect(portsOf(ingress)).toEqual(
    spec.containers.flatMap(({ ports }) => ports.map((each) => each.containerPort)).sort(),
  )
  expect(metadata.labels).toMatchObject({ ...podSelector.matchLabels })
  expect(policyTypes).toEqual(['Ingress', 'Egress'])
})

test('sinks: their one port, from the operator too, which may speak to it', () => {
  expect(portsOf(sinks.spec.ingress)).toEqual([HTTP_PORT])
  const { matchLabels } = sinks.spec.podSelector
  const way = policyOf('operator').spec.egress?.find(({ to }) => to !== undefined)
  expect(way?.to?.map(({ podSelector }) => podSelector?.matchLabels)).toEqual([matchLabels])
  expect(portsOf(way ? [way] : [])).toEqual([HTTP_PORT])
})

const labelsOf = (path: string) => (parse(textOf(path)) as Deployment).spec.template.metadata.labels
const operator: Pod = { namespace: 'analytics-connector', labels: labelsOf('deploy/base/deployment.yaml') }
const admin: Pod = { namespace: 'analytics-connector', labels: labelsOf('deploy/admin/deployment.yaml') }
const sink: Pod = { namespace: 'games', labels: objectLabels('game-events') }
const prometheus: Pod = { namespace: 'monitoring', labels: { app: 'prometheus' } }
const ingress: Pod = { namespace: 'ingress-nginx', labels: { app: 'nginx' } }
const kafka: Pod = { namespace: 'kafka', labels: { app: 'kafka' } }
const dns: Pod = { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } }
const stranger: Pod = { namespace: 'games', labels: { app: 'web' } }
const outside = 'outside'

const inNamespace = (policy: NetworkPolicy, namespace: string) => ({ ...policy, metadata: { namespace } })
const applied = [policyOf('operator'), policyOf('admin'), inNamespace(sinks, sink.namespace)]

type Flow = [what: string, from: End, to: End, port: number, protocol?: 'UDP']

function mayHappen(from: End, to: End, port: number, protocol?: 'UDP'): boolean {
  return isLetThrough(applied, { from, to, port, ...(protocol ? { protocol } : {}) })
}

test.each<Flow>([
  ['the operator asks sinks for their status', operator, sink, HTTP_PORT],
  ['the operator reaches the API server by its Service', operator, outside, 443],
  ['the operator reaches the API server by its own port', operator, outside, 6443],
  ['the operator resolves names', operator, dns, 53, 'UDP'],
  ['the operator resolves names that are long', operator, dns, 53],
  ['the REST API reaches the API server', admin, outside, 6443],
  ['the REST API asks an IAM service for its keys', admin, outside, 443],
  ['the REST API lists the topics of Kafka', admin, kafka, 9092],
  ['the REST API lists the topics of Kafka outside, over TLS', admin, outside, 9098],
  ['the REST API resolves names', admin, dns, 53, 'UDP'],
  ['the REST API resolves names on OpenShift', admin, dns, 5353, 'UDP'],
  ['clients call the REST API from outside', outside, admin, 8443],
  ['clients call the REST API through an ingress', ingress, admin, 8443],
  ['Prometheus reads the metrics of the operator', prometheus, operator, HTTP_PORT],
  ['Prometheus reads the metrics of the REST API', prometheus, admin, HTTP_PORT],
  ['Prometheus reads the metrics of sinks', prometheus, sink, HTTP_PORT],
  ['sinks reach Kafka', sink, kafka, 9092],
  ['sinks reach Kafka outside, at any port', sink, outside, 19_094],
  ['sinks reach S3', sink, outside, 443],
  ['sinks reach the credentials of EKS Pod Identity', sink, outside, 80],
  ['sinks resolve names', sink, dns, 53, 'UDP'],
])('may happen: %s', (_what, from, to, port, protocol) => {
  expect(mayHappen(from, to, port, protocol)).toBe(true)
})

test.each<Flow>([
  ['anybody outside of the cluster reads metrics and status', outside, sink, HTTP_PORT],
  ['anybody outside of the cluster reads the metrics of the operator', outside, operator, HTTP_PORT],
  ['anybody outside of the cluster reads the metrics of the REST API', outside, admin, HTTP_PORT],
  ['a neighbour reaches another port of a sink', stranger, sink, 9229],
  ['another namespace reaches another port of a sink', ingress, sink, 9229],
  ['another port of the operator is reached', prometheus, operator, 9229],
  ['another port of the REST API is reached', outside, admin, 9229],
  ['the operator speaks to a pod that is no sink', operator, stranger, HTTP_PORT],
  ['the operator speaks to Kafka', operator, kafka, 9092],
  ['the operator speaks plain HTTP to what is outside', operator, outside, 80],
  ['the operator opens a debugger of a sink', operator, sink, 9229],
  ['the REST API speaks to a sink', admin, sink, HTTP_PORT],
  ['the REST API reads the credentials of its node', admin, outside, 80],
  ['the REST API speaks UDP but for names', admin, outside, 443, 'UDP'],
])('cannot happen: %s', (_what, from, to, port, protocol) => {
  expect(mayHappen(from, to, port, protocol)).toBe(false)
})
