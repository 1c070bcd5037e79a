import { copyFile, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import type { SinkConfig } from '../../src/contract/sink-config.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { connectionSecurity } from '../../src/sink/kafka/connection-security.ts'
import { createKafkaSource } from '../../src/sink/kafka/kafka-source.ts'
import type { RecordSource } from '../../src/sink/record-source.ts'
import { SecretFiles } from '../../src/sink/secret-files.ts'
import type { SecureBroker } from './secure-broker.ts'

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs

export type Security = Pick<SinkConfig['kafka'], 'tls' | 'sasl'>

/** By the authority that is in the folder of Secrets. */
export const TLS = { authorities: 'mounted', certificate: 'none' } as const

/** A folder of Secrets as a pod has it mounted, with the broker's authority and these files. */
export async function secretFolder({ certificates }: SecureBroker, files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kafka-secrets-'))
  await copyFile(join(certificates, 'ca.crt'), join(folder, 'ca.crt'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}

export interface SecureClient {
  readonly servers: string
  readonly security: Security
  /** The folder of Secrets. */
  readonly secrets: string
  readonly groupId: string
  readonly topics: readonly string[]
}

/** What a sink reads with that is configured so; it does not run yet. */
export function secureSource({ servers, security, secrets, groupId, topics }: SecureClient): RecordSource {
  return createKafkaSource({
    config: { bootstrapServers: [servers], groupId },
    security: connectionSecurity(security, new SecretFiles(secrets), systemClock),
    topics: () => ({ filter: { x: topics }, topicPattern: 'x', realm: 'x' }),
    clientId: 'security-test',
    logger: createLogger('silent'),
    clock: systemClock,
    timings: { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 200, metadataRefreshMs: 500 },
  })
}

/** A user's right to one topic or group, as kafkajs gives it and takes it away. */
export function right(user: string, operation: 'READ' | 'DESCRIBE', type: 'TOPIC' | 'GROUP', resourceName: string) {
  return {
    principal: `User:${user}`,
    host: '*',
    permissionType: AclPermissionTypes.ALLOW,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    resourceType: AclResourceTypes[type],
    resourceName,
    operation: AclOperationTypes[operation],
  }
}
