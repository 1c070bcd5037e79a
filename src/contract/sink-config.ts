import { createHash } from 'node:crypto'
import * as z from 'zod'
import { TIMESTAMP_SOURCES } from './config-fields.ts'
import { COMPRESSIONS, FORMATS } from './file-format.ts'
import { CHECKSUM_CALCULATIONS, ENCRYPTION_TYPES, STORAGE_CLASSES } from './s3-fields.ts'

/**
 * The sink's configuration: what one revision (an immutable ConfigMap) holds. Everything is resolved and in one unit, so a
 * sink needs neither the custom resource nor the operator to work.
 *
 * It is read by later versions too, which finish what was begun under it. So a field that is added must be `.optional()`, and absent
 * must mean what was done before it existed: not `.default()`, which would change the revision of what is in the file. No field
 * is removed or narrowed. `test/contract/recorded-revisions.test.ts` holds files of earlier versions against it.
 */
export const sinkConfigSchema = z.strictObject({
  /** `<namespace>/<name>` of the custom resource: named in object metadata, rejects and the status document. */
  connector: z.string().min(1),
  eventType: z.string().min(1),
  realm: z.string().min(1),
  /** Names of the event type's topics with `{realm}`, `{namespace}` and `{eventName}`; expands `"*"` in the filter. */
  topicPattern: z.string().min(1),
  /** Event namespace, or `"*"`, to topics, or `"*"`. */
  filter: z.record(z.string(), z.array(z.string()).min(1)),
  kafka: z.strictObject({
    bootstrapServers: z.array(z.string()).min(1),
    groupId: z.string().min(1),
    /** Where a partition starts for which the group has no offset. */
    startFrom: z.enum(['earliest', 'latest']),
    /** Part of every key from 1 on: a range that was written under another epoch can be written again. */
    epoch: z.int().nonnegative(),
    /** Absent: nothing is encrypted. */
    tls: z
      .strictObject({
        /** `system`: the public authorities that Node.js knows; `mounted`: those of a file in KAFKA_SECRETS_DIR. */
        authorities: z.enum(['system', 'mounted']),
        /** `mounted`: shows the certificate of files in KAFKA_SECRETS_DIR. */
        certificate: z.enum(['none', 'mounted']),
        serverName: z.string().optional(),
      })
      .optional(),
    /** Absent: no authentication. Secrets are files in KAFKA_SECRETS_DIR. */
    sasl: z
      .discriminatedUnion('mechanism', [
        z.strictObject({
          mechanism: z.enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']),
          /** Absent: it is in a file too. */
          username: z.string().optional(),
        }),
        z.strictObject({
          mechanism: z.literal('OAUTHBEARER'),
          tokenEndpoint: z.string().min(1),
          scope: z.string().optional(),
        }),
        z.strictObject({ mechanism: z.literal('AWS_MSK_IAM'), region: z.string().min(1) }),
      ])
      .optional(),
  }),
  s3: z.strictObject({
    bucketName: z.string().min(1),
    region: z.string().min(1),
    endpoint: z.string().optional(),
    /** `mounted`: the endpoint is trusted by the authorities of a file in S3_AUTHORITIES_DIR; absent: by the public ones that Node.js knows. */
    authorities: z.literal('mounted').optional(),
    forcePathStyle: z.boolean(),
    partSizeBytes: z.int().positive(),
    /** `default`: the AWS SDK's provider chain; `mounted`: the files of S3_CREDENTIALS_DIR. */
    credentials: z.enum(['default', 'mounted']),
    assumeRole: z
      .strictObject({
        roleArn: z.string().min(1),
        externalId: z.string().optional(),
        /** Names the connector in the role's log. */
        sessionName: z.string().min(2).max(64),
      })
      .optional(),
    serverSideEncryption: z
      .strictObject({ type: z.enum(ENCRYPTION_TYPES), kmsKeyId: z.string().optional() })
      .optional(),
    storageClass: z.enum(STORAGE_CLASSES).optional(),
    requestChecksumCalculation: z.enum(CHECKSUM_CALCULATIONS),
  }),
  format: z.enum(FORMATS),
  compression: z.enum(COMPRESSIONS),
  path: z.strictObject({
    template: z.string().min(1),
    partitionDurationMs: z.int().positive(),
    timestampSource: z.enum(TIMESTAMP_SOURCES),
  }),
  flush: z.strictObject({
    intervalMs: z.int().positive(),
    /** Most events in one object. */
    events: z.int().positive(),
    /** Most bytes in one object before compression. */
    bytes: z.int().positive(),
  }),
  /** Most bytes of records that one sink process holds in memory. */
  bufferBytes: z.int().positive(),
})

export type SinkConfig = z.infer<typeof sinkConfigSchema>

/**
 * Names a configuration by its content: equal configurations have equal revisions, whatever the order of their keys.
 * 10 hexadecimal digits, as the revision is part of a ConfigMap's name and of an intent.
 *
 * @param config a SinkConfig, or what is in the file of one, of whatever version
 */
export function revisionOf(config: unknown): string {
  return createHash('sha256').update(canonicalJson(config)).digest('hex').slice(0, 10)
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) =>
    v !== null && typeof v === 'object' && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  )
}
