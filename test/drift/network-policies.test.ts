/** What the NetworkPolicies let in are the ports that the pods listen on, and nothing else. */
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { HTTP_PORT } from '../../src/contract/names.ts'
import { textOf } from './files.ts'

interface Peer {
  readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> }
}

interface Rule {
  readonly ports: readonly { readonly port: number }[]
  readonly to?: readonly Peer[]
}

interface Policy {
  readonly spec: {
    readonly podSelector: { readonly matchLabels: Readonly<Record<string, string>> }
    readonly policyTypes: readonly string[]
    readonly ingress: readonly Rule[]
    readonly egress?: readonly Rule[]
  }
}

interface Deployment {
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> }
      readonly spec: {
        readonly containers: readonly { readonly ports: readonly { readonly containerPort: number }[] }[]
      }
    }
  }
}

const policyOf = (name: string) => parse(textOf(`deploy/network-policies/${name}.yaml`)) as Policy
const portsOf = (rules: readonly Rule[]) => rules.flatMap(({ ports }) => ports.map(({ port }) => port)).sort()
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
  expect(metadata.labels).toMatchObject(podSelector.matchLabels)
  expect(policyTypes).toEqual(['Ingress', 'Egress'])
})

test('sinks: their one port, from the operator too, which may speak to it', () => {
  expect(portsOf(sinks.spec.ingress)).toEqual([HTTP_PORT])
  const { matchLabels } = sinks.spec.podSelector
  const way = policyOf('operator').spec.egress?.find(({ to }) => to !== undefined)
  expect(way?.to?.map(({ podSelector }) => podSelector?.matchLabels)).toEqual([matchLabels])
  expect(portsOf(way ? [way] : [])).toEqual([HTTP_PORT])
})
