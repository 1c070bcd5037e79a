/**
 * What NetworkPolicies let through, as https://kubernetes.io/docs/concepts/services-networking/network-policies/ defines it: a pod that no policy
 * selects for a direction is open in it; for others the policies that do are added up, and a connection needs both ends. Where no network plugin
 * enforces them this is how to know. The node of a pod always reaches it, so the kubelet's probes are no flow here.
 */
type Labels = Readonly<Record<string, string>>

interface Selector {
  readonly matchLabels?: Labels
}

interface Peer {
  readonly namespaceSelector?: Selector
  readonly podSelector?: Selector
}

export interface Rule {
  readonly ports?: readonly { readonly port: number; readonly endPort?: number; readonly protocol?: Protocol }[]
  readonly from?: readonly Peer[]
  readonly to?: readonly Peer[]
}

type Protocol = 'TCP' | 'UDP'
type Direction = 'Ingress' | 'Egress'

export interface NetworkPolicy {
  readonly metadata: { readonly namespace: string }
  readonly spec: {
    readonly podSelector: Selector
    readonly policyTypes: readonly Direction[]
    readonly ingress?: readonly Rule[]
    readonly egress?: readonly Rule[]
  }
}

export interface Pod {
  readonly namespace: string
  readonly labels: Labels
}

/** An end of a connection that is no pod: a machine outside, or a node. */
export type End = Pod | 'outside'

export interface Flow {
  readonly from: End
  readonly to: End
  readonly port: number
  readonly protocol?: Protocol
}

export function isLetThrough(policies: readonly NetworkPolicy[], flow: Flow): boolean {
  return isOpen(policies, 'Egress', flow.from, flow.to, flow) && isOpen(policies, 'Ingress', flow.to, flow.from, flow)
}

function isOpen(policies: readonly NetworkPolicy[], direction: Direction, end: End, peer: End, flow: Flow): boolean {
  if (end === 'outside') return true
  const selecting = policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === end.namespace && spec.policyTypes.includes(direction) && selects(spec.podSelector, end),
  )
  if (selecting.length === 0) return true
  return selecting.some(({ metadata, spec }) => {
    const rules = (direction === 'Ingress' ? spec.ingress : spec.egress) ?? []
    return rules.some(({ ports, from, to }) => {
      const peers = direction === 'Ingress' ? from : to
      const isPeer = peers === undefined || peers.some((each) => matches(each, peer, metadata.namespace))
      return isPeer && (ports === undefined || ports.some((each) => includes(each, flow)))
    })
  })
}

/** A peer of selectors is a pod; without a namespaceSelector one of the policy's own namespace. */
function matches({ namespaceSelector, podSelector }: Peer, peer: End, own: string): boolean {
  if (peer === 'outside') return false
  if (namespaceSelector === undefined) return peer.namespace === own && selects(podSelector, peer)
  const namespace = { labels: { 'kubernetes.io/metadata.name': peer.namespace } }
  return selects(namespaceSelector, namespace) && selects(podSelector, peer)
}

function selects(selector: Selector | undefined, { labels }: Pick<Pod, 'labels'>): boolean {
  return Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value)
}

function includes(
  { port, endPort = port, protocol = 'TCP' }: NonNullable<Rule['ports']>[number],
  { port: wanted, protocol: spoken = 'TCP' }: Flow,
): boolean {
  return spoken === protocol && port <= wanted && wanted <= endPort
}
