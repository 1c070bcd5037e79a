import type { ServiceAccount } from '../../kube/kinds.ts'
import { type Owner, objectMeta, sinkName } from './metadata.ts'

/** An identity without rights and without a token: a sink never talks to the Kubernetes API. */
export function desiredServiceAccount(owner: Owner): ServiceAccount {
  return { metadata: objectMeta(owner, sinkName(owner.name)), automountServiceAccountToken: false }
}
