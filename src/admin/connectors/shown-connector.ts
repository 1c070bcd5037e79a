import { DEFAULTS } from '../../contract/defaults.ts'
import { type ShownConnector, shownConfig } from '../../contract/rest-connector.ts'
import type { Connector, IdentifiedConnector } from '../../kube/connector-ids.ts'
import { specChangedAt } from '../../kube/field-owners.ts'

/** What was made of each connector for as long as it is kept: a list shows mostly those of the list before. */
const made = new WeakMap<Connector, ShownConnector>()

/** A connector as the API shows it; nothing in it is stored anywhere but in the resource. */
export function shownConnector(identified: IdentifiedConnector): ShownConnector {
  const known = made.get(identified.connector)
  if (known?.id === identified.id) return known
  const shown = makeShown(identified)
  made.set(identified.connector, shown)
  return shown
}

function makeShown({ id, connector }: IdentifiedConnector): ShownConnector {
  const { metadata, spec } = connector
  const createdAt = metadata.creationTimestamp ?? ''
  return {
    id,
    connectorName: metadata.name,
    connectorType: 'SINK',
    storageType: spec.storageType,
    active: spec.active ?? DEFAULTS.active,
    config: shownConfig(spec.config),
    filter: spec.filter,
    createdAt,
    updatedAt: specChangedAt(connector) ?? createdAt,
  }
}

/**
 * The entity tag of a connector's configuration: the generation, which counts changes of the spec. Not the resourceVersion,
 * which every write of the status changes, so that an editor would lose to a connector that merely started.
 */
export function entityTag({ metadata }: Connector): string {
  return `"${metadata.generation ?? 0}"`
}
