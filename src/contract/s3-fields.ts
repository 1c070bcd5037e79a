/** The fields of `spec.config` that say how S3 is used: where it is, who we are there, what is asked for with each object. */
import * as z from 'zod'
import { S3_CREDENTIALS_KEYS } from './names.ts'
import { celString, field, matches, type Rule } from './rule.ts'
import { caSecretRef, secretName } from './secret-fields.ts'

/** Header `x-amz-server-side-encryption`. */
export const ENCRYPTION_TYPES = ['AES256', 'aws:kms'] as const
/** Header `x-amz-storage-class`, without those that only S3 on Outposts, Snow and directory buckets know. */
export const STORAGE_CLASSES = [
  'STANDARD',
  'STANDARD_IA',
  'ONEZONE_IA',
  'INTELLIGENT_TIERING',
  'GLACIER_IR',
  'GLACIER',
  'DEEP_ARCHIVE',
  'REDUCED_REDUNDANCY',
] as const
/** Setting `request_checksum_calculation` of AWS SDKs, with its values. */
export const CHECKSUM_CALCULATIONS = ['when_supported', 'when_required'] as const

const credentialsSecretRef = z.strictObject({ name: secretName })

const tls = z.strictObject({ caSecretRef: caSecretRef('the endpoint’s certificate is') })

const assumeRole = z.strictObject({
  roleArn: field(z.string().max(2048), 'ARN of the role. It must trust whoever the sink is otherwise. Required.', {
    rules: [
      matches(
        '^arn:[a-z0-9-]+:iam::[0-9a-zA-Z-]*:role/[A-Za-z0-9+=,.@_/-]+$',
        'must be the ARN of an IAM role, such as arn:aws:iam::111122223333:role/events-writer',
      ),
    ],
  }),
  externalId: field(
    z.string().max(1224),
    'External id that the role’s trust policy asks for. Not a secret. Default: none.',
    {
      rules: [
        matches('^[A-Za-z0-9+=,.@:/_-]{2,}$', 'must be 2 to 1224 letters, digits and characters of + = , . @ : / _ -'),
      ],
    },
  ).optional(),
})

interface Encryption {
  type: (typeof ENCRYPTION_TYPES)[number]
  kmsKeyId?: string | undefined
}

const keyOfKms: Rule<Encryption> = {
  cel: "!has(self.kmsKeyId) || self.type == 'aws:kms'",
  holds: ({ type, kmsKeyId }) => kmsKeyId === undefined || type === 'aws:kms',
  allowed: 'kmsKeyId is not allowed: must be left out unless type is aws:kms',
  celMessage: null,
}

const serverSideEncryption = z.strictObject({
  type: field(
    z.enum(ENCRYPTION_TYPES),
    'AES256: a key that S3 manages (SSE-S3). aws:kms: a key in KMS (SSE-KMS), for which the sink’s role needs kms:GenerateDataKey and, for objects above 64 MiB, kms:Decrypt. Required.',
    { maxLength: 7 },
  ),
  kmsKeyId: field(
    z.string().max(2048),
    'Id, ARN or alias of the KMS key; with aws:kms only. Default: the account’s own key for S3 (aws/s3).',
    {
      rules: [
        matches(
          '^[A-Za-z0-9:/_-]+$',
          'must be the id, ARN or alias of a KMS key, such as alias/events: no white space',
        ),
      ],
    },
  ).optional(),
})

/** An endpoint that is an IP address has no subdomains, so a bucket cannot be one. */
const ADDRESS_PATTERN = '^https?://([0-9.]+|\\[[0-9a-fA-F:]+\\])(:[0-9]+)?$'
const addressPattern = new RegExp(ADDRESS_PATTERN, 'u')

export const pathStyleForAddresses: Rule<{ endpoint?: string | undefined; forcePathStyle?: boolean | undefined }> = {
  cel: `!(has(self.endpoint) && has(self.forcePathStyle) && !self.forcePathStyle && self.endpoint.matches(${celString(ADDRESS_PATTERN)}))`,
  holds: ({ endpoint, forcePathStyle }) => !(forcePathStyle === false && addressPattern.test(endpoint ?? '')),
  allowed:
    'forcePathStyle: false is not allowed: must be true or left out while endpoint is an IP address, which has no subdomain for the bucket',
  celMessage: null,
}

export const S3_FIELDS = {
  endpoint: field(
    z.string().max(261),
    'Address of an S3 server that is not AWS, such as http://minio.storage:9000. Default: AWS’s own endpoint of the region.',
    {
      rules: [
        matches(
          '^https?://([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\\[[0-9a-fA-F:]+\\])(:[0-9]{1,5})?$',
          'must be http:// or https://, a host and perhaps a port, without a path, such as http://minio.storage:9000',
        ),
      ],
    },
  ).optional(),
  forcePathStyle: field(
    z.boolean(),
    'Whether the bucket is addressed in the path (true) or as a subdomain of the endpoint (false). Default: true if endpoint is set, else false.',
  ).optional(),
  tls: field(
    tls,
    'How an endpoint that is reached by https:// is trusted. Not with http://, which is not encrypted. Default: by the public authorities.',
  ).optional(),
  credentialsSecretRef: field(
    credentialsSecretRef,
    `Secret in the connector’s namespace with the keys ${S3_CREDENTIALS_KEYS.accessKeyId}, ${S3_CREDENTIALS_KEYS.secretAccessKey} and, if need be, ${S3_CREDENTIALS_KEYS.sessionToken}; read again when it changes. Default: the AWS SDK’s provider chain, such as the role of serviceAccountName.`,
  ).optional(),
  assumeRole: field(
    assumeRole,
    'Role that the sink takes on before it uses S3, such as one in the bucket’s account. Who asks for it: credentialsSecretRef or its default. Whom: the STS of AWS in the region, which the pods must reach, whatever endpoint is. Default: none.',
  ).optional(),
  serverSideEncryption: field(
    serverSideEncryption,
    'Encryption that is asked for with each object. Default: none asked for, so the bucket’s own default applies.',
    { rules: [keyOfKms] },
  ).optional(),
  storageClass: field(
    z.enum(STORAGE_CLASSES),
    'Storage class of the objects, in S3’s own words. Default: none asked for, which is STANDARD.',
  ).optional(),
  requestChecksumCalculation: field(
    z.enum(CHECKSUM_CALCULATIONS),
    'when_supported: a CRC-32 goes with each upload and S3 refuses what was damaged on the way. when_required: none goes with it, for servers that do not know such checksums (a bucket with Object Lock asks for one). Default when_supported.',
  ).optional(),
}
