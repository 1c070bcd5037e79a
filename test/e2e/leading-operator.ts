import type { Stack } from '../stack/stack.ts'
import { eventually } from '../support/eventually.ts'
import { OPERATOR_NAMESPACE } from '../support/install-operator.ts'
import { kubectlJson } from '../support/kubectl.ts'

/** The pod that holds the operator's lease. */
export async function leadingPod(stack: Stack): Promise<string> {
  return eventually(30_000, async () => {
    const [leases, pods] = await Promise.all([
      kubectlJson<{ items: { spec: { holderIdentity?: string } }[] }>(stack, 'get', 'leases', '-n', OPERATOR_NAMESPACE),
      kubectlJson<{ items: { metadata: { name: string } }[] }>(stack, 'get', 'pods', '-n', OPERATOR_NAMESPACE),
    ])
    const holders = leases.items.map(({ spec }) => spec.holderIdentity ?? '')
    const leader = pods.items.find(({ metadata }) => holders.some((holder) => holder.startsWith(metadata.name)))
    if (!leader) throw new Error(`no operator pod holds the lease; holders: ${holders.join(', ') || 'none'}`)
    return leader.metadata.name
  })
}
