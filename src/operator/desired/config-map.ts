import { REVISION_ANNOTATION } from '../../contract/names.ts'
import type { SinkConfig } from '../../contract/sink-config.ts'
import type { ConfigMap } from '../../kube/kinds.ts'
import { type Owner, objectMeta, sinkName } from './metadata.ts'

/** Key of a revision's ConfigMap that holds the sink's configuration. */
export const CONFIG_KEY = 'config.json'

export function revisionConfigMapName(connectorName: string, revision: string): string {
  return `${sinkName(connectorName)}-${revision}`
}

/** One revision of the sink's configuration. Immutable and named by its content: a different configuration is another object. */
export function desiredConfigMap(owner: Owner, revision: string, config: SinkConfig): ConfigMap {
  const name = revisionConfigMapName(owner.name, revision)
  return {
    metadata: objectMeta(owner, name, { [REVISION_ANNOTATION]: revision }),
    immutable: true,
    data: { [CONFIG_KEY]: `${JSON.stringify(config, null, 2)}\n` },
  }
}
