import { API_GROUP, API_VERSION, KIND } from '../../src/contract/names.ts'
import type { AnalyticsConnector, AnalyticsConnectorSpec } from '../../src/contract/resource.ts'
import type { Stack } from '../stack/stack.ts'
import { kubectl } from './kubectl.ts'

/** A Secret with the stack's S3 credentials, for `spec.config.credentialsSecretRef`. */
export function s3CredentialsSecret(stack: Stack, name: string, namespace = 'default'): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    stringData: { AWS_ACCESS_KEY_ID: stack.s3.accessKeyId, AWS_SECRET_ACCESS_KEY: stack.s3.secretAccessKey },
  }
}

export interface ConnectorOverrides {
  readonly name: string
  readonly namespace: string
  readonly bucketName: string
  readonly filter: AnalyticsConnectorSpec['filter']
  /** Merged over the connector's `spec.config`. */
  readonly config?: Partial<AnalyticsConnectorSpec['config']>
  /** Merged over the connector's `spec`. */
  readonly spec?: Partial<AnalyticsConnectorSpec>
}

/** A connector that delivers to the stack's S3 with short flushes; every test says only what matters to it. */
export function connector(
  stack: Stack,
  { name, namespace, bucketName, filter, config, spec }: ConnectorOverrides,
): AnalyticsConnector {
  return {
    apiVersion: `${API_GROUP}/${API_VERSION}`,
    kind: KIND,
    metadata: { name, namespace },
    spec: {
      storageType: 'KAFKA_S3',
      config: {
        eventType: 'game_telemetry',
        bucketName,
        region: stack.s3.region,
        endpoint: stack.inPod.s3Endpoint,
        forcePathStyle: true,
        credentialsSecretRef: { name: 's3' },
        flushInterval: '2s',
        ...config,
      },
      filter,
      ...spec,
    },
  }
}

/** Has the status tell what sinks would have counted: without it the first pod of a connector starts alone. */
export async function countPartitions(
  stack: Stack,
  { name, namespace, topicPartitions }: { name: string; namespace: string; topicPartitions: number },
): Promise<void> {
  const patch = JSON.stringify({ status: { topicPartitions } })
  await kubectl(stack, ['patch', 'ac', name, '-n', namespace, '--subresource=status', '--type=merge', '-p', patch])
}
