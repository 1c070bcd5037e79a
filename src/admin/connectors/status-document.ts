import { DEFAULTS } from '../../contract/defaults.ts'
import type { StatusDocument } from '../../contract/rest-connector.ts'
import type { Connector } from '../../kube/connector-ids.ts'
import { specChangedAt } from '../../kube/field-owners.ts'

/**
 * The published status document: the operator's, unless that is about an earlier spec. Then the connector may just have been switched on or
 * off, and its state follows from the switch, which the operator has not seen yet: the only way between ACTIVE and INACTIVE is through
 * STARTING or STOPPING.
 */
export function statusDocument(connector: Connector): StatusDocument {
  const { metadata, spec, status } = connector
  const told = status?.connector
  const isActive = spec.active ?? DEFAULTS.active
  const since = specChangedAt(connector) ?? metadata.creationTimestamp ?? ''
  const untold = (word: StatusDocument['status']): StatusDocument => ({
    time: since,
    connector: metadata.name,
    status: word,
    error: null,
  })
  if (!told) return untold(isActive ? 'STARTING' : 'INACTIVE')
  if (status?.observedGeneration !== metadata.generation) {
    if (isActive && (told.status === 'INACTIVE' || told.status === 'STOPPING')) return untold('STARTING')
    if (!isActive && told.status !== 'INACTIVE' && told.status !== 'STOPPING') return untold('STOPPING')
  }
  return { time: told.time, connector: told.connector, status: told.status, error: told.error ?? null }
}
