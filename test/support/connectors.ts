import type { AnalyticsConnectorSpec, AnalyticsConnectorStatus } from '../../src/contract/resource.ts'
import type { Connector } from '../../src/kube/connector-ids.ts'
import type { ObjectMeta } from '../../src/kube/kinds.ts'

/** A connector as the API server shows it. */
export function aConnector(
  metadata: Partial<ObjectMeta> = {},
  spec: Partial<AnalyticsConnectorSpec> = {},
  status?: AnalyticsConnectorStatus,
): Connector {
  return {
    apiVersion: 'analytics-connector.io/v1alpha1',
    kind: 'AnalyticsConnector',
    metadata: { namespace: 'games', name: 'events', ...metadata } as Connector['metadata'],
    spec: {
      storageType: 'KAFKA_S3',
      config: { eventType: 'game_telemetry', bucketName: 'acme-events', region: 'us-west-2' },
      filter: { acme: ['*'] },
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  }
}
