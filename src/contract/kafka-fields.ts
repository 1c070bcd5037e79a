import * as z from 'zod'
import { DEFAULTS } from './defaults.ts'
import { KAFKA_SECRET_FILES as FILES } from './names.ts'
import { field, matches, type Rule } from './rule.ts'
import { caSecretRef, secretKey, secretName } from './secret-fields.ts'

const bootstrapServer = field(z.string().max(261), 'host:port of a Kafka broker.', {
  rules: [
    matches(
      '^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\\[[0-9a-fA-F:]+\\]):[1-9][0-9]{0,4}$',
      'must be host:port, such as kafka.streaming:9092',
    ),
  ],
})

/** `spec.kafka.tls`, and `kafka.tls` of the operator's configuration. */
export const kafkaTlsSchema = z.strictObject({
  caSecretRef: caSecretRef('the brokers’ certificates are'),
  certificateSecretRef: field(
    z.strictObject({
      name: secretName,
      certificateKey: secretKey(
        `Its key with the certificate, and those between it and the authority. Default ${FILES.certificate}.`,
      ),
      privateKeyKey: secretKey(`Its key with the private key, without a passphrase. Default ${FILES.privateKey}.`),
    }),
    'Secret with the certificate (PEM) that the connector shows to brokers that ask for one (mutual TLS).',
  ).optional(),
  serverName: field(
    z.string().max(253),
    'Name that the brokers’ certificates must carry. Default: the host name or address that a broker is reached by.',
    {
      rules: [matches('^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$', 'must be a host name, such as kafka.example.com')],
    },
  ).optional(),
})

const SASL_MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER', 'AWS_MSK_IAM'] as const

type Sasl = z.infer<typeof saslObject>
const saslObject = z.strictObject({
  mechanism: field(
    z.enum(SASL_MECHANISMS),
    'How the connector says who it is. PLAIN, SCRAM-SHA-256, SCRAM-SHA-512: user name and password. OAUTHBEARER: a token that tokenEndpoint gives (client credentials grant). AWS_MSK_IAM: the AWS identity of the pod (serviceAccountName), for Amazon MSK. Required.',
    { maxLength: 16 },
  ),
  secretRef: field(
    z.strictObject({ name: secretName }),
    `Secret with the keys ${FILES.username} and ${FILES.password}, or, for OAUTHBEARER, ${FILES.clientId} and ${FILES.clientSecret}. Read again for every connection: a new password needs no restart. Required, but for AWS_MSK_IAM.`,
  ).optional(),
  username: field(
    z.string().min(1).max(256),
    `User name of PLAIN and SCRAM, for a Secret that has a password only, as Strimzi makes them. Default: the Secret’s key ${FILES.username}.`,
  ).optional(),
  tokenEndpoint: field(
    z.string().max(512),
    'Where OAUTHBEARER asks for its token, such as https://login.example.com/oauth2/token. Trusted by the public authorities and those of tls.caSecretRef. Required for OAUTHBEARER.',
    { rules: [matches('^https://[^\\s/]+(/[^\\s]*)?$', 'must be https:// and an address, as a secret is sent there')] },
  ).optional(),
  scope: field(z.string().max(512), 'Scope to ask for in the token of OAUTHBEARER. Default: none.').optional(),
  region: field(z.string().max(63), 'AWS region of the cluster. Required for AWS_MSK_IAM.', {
    rules: [
      matches(
        '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$',
        'must be a region in lower-case letters, digits and hyphens, such as us-west-2',
      ),
    ],
  }).optional(),
})

const saslRules: readonly Rule<Sasl>[] = [
  {
    cel: "has(self.secretRef) == (self.mechanism != 'AWS_MSK_IAM')",
    holds: ({ mechanism, secretRef }) => (secretRef !== undefined) === (mechanism !== 'AWS_MSK_IAM'),
    allowed: 'must have secretRef, but not for AWS_MSK_IAM, which uses the AWS identity of the pod',
    celMessage: null,
  },
  {
    cel: "!has(self.username) || self.mechanism in ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']",
    holds: ({ mechanism, username }) =>
      username === undefined || ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'].includes(mechanism),
    allowed: 'username must be left out unless mechanism is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512',
    celMessage: null,
  },
  {
    cel: "has(self.tokenEndpoint) == (self.mechanism == 'OAUTHBEARER') && (!has(self.scope) || self.mechanism == 'OAUTHBEARER')",
    holds: ({ mechanism, tokenEndpoint, scope }) =>
      (tokenEndpoint !== undefined) === (mechanism === 'OAUTHBEARER') &&
      (scope === undefined || mechanism === 'OAUTHBEARER'),
    allowed: 'must have tokenEndpoint, and perhaps scope, for OAUTHBEARER and for no other mechanism',
    celMessage: null,
  },
  {
    cel: "has(self.region) == (self.mechanism == 'AWS_MSK_IAM')",
    holds: ({ mechanism, region }) => (region !== undefined) === (mechanism === 'AWS_MSK_IAM'),
    allowed: 'must have region for AWS_MSK_IAM and for no other mechanism',
    celMessage: null,
  },
]

/** `spec.kafka.sasl`, and `kafka.sasl` of the operator's configuration. */
export const kafkaSaslSchema = field(
  saslObject,
  'Who the connector is to the brokers. Default: nobody (no authentication).',
  {
    rules: saslRules,
  },
)

/** These send the secret itself, or a token that is as good: only a broker whose certificate was checked may see it. */
const NEEDS_TLS: readonly string[] = ['PLAIN', 'OAUTHBEARER', 'AWS_MSK_IAM']

/** A cluster's servers with what it takes to use them. Where no servers are named, `tls` may be the operator's. */
export const saslNeedsTls: Rule<{ bootstrapServers?: unknown; tls?: unknown; sasl?: Sasl | undefined }> = {
  cel: "!(has(self.bootstrapServers) && has(self.sasl) && !has(self.tls) && self.sasl.mechanism in ['PLAIN', 'OAUTHBEARER', 'AWS_MSK_IAM'])",
  holds: ({ bootstrapServers, tls, sasl }) =>
    !(bootstrapServers !== undefined && sasl !== undefined && tls === undefined && NEEDS_TLS.includes(sasl.mechanism)),
  allowed: `must have tls where sasl.mechanism is ${NEEDS_TLS.join(', ')}, which would show the secret to anybody on the network: tls: {} trusts the public authorities`,
  celMessage: null,
}

/** `spec.kafka`. */
export const kafkaSchema = field(
  z.strictObject({
    bootstrapServers: field(
      z.array(bootstrapServer).min(1).max(32),
      'Brokers to ask for the cluster, as a list of host:port. Default: the cluster of the operator’s configuration, with its tls and sasl.',
      { 'x-kubernetes-list-type': 'atomic' },
    ).optional(),
    tls: field(
      kafkaTlsSchema,
      'Encrypted connections. {} trusts the public authorities. Default: none with bootstrapServers, else as in the operator’s configuration.',
    ).optional(),
    sasl: kafkaSaslSchema.optional(),
    groupId: field(
      z.string().max(249),
      'Consumer group, which keeps the connector’s place. Changing it starts again at startFrom, and needs a new epoch where objects exist already. Default analytics-connector.<namespace>.<name>.',
      {
        rules: [matches('^[a-zA-Z0-9._-]+$', 'must be 1 to 249 letters, digits, dots, underscores and hyphens')],
      },
    ).optional(),
    startFrom: field(
      z.enum(['earliest', 'latest']),
      `Where to begin in a partition for which the group has no place yet: with the oldest event that Kafka still has (earliest) or only with new ones (latest). Partitions that a topic is given while the connector reads it are read from their beginning. A topic that "*" finds later begins like any: with latest, without the events of the half minute until it is found. Default ${DEFAULTS.startFrom}.`,
    ).optional(),
    epoch: field(
      z.int().min(0).max(999_999),
      `Number of the writing, 0 to 999999; from 1 on it is part of every object’s name. After somebody has moved the group’s offsets, or a topic was created again, the connector stops: a number not used before lets it go on from there, and what is in the bucket already is written again under new names. Default ${DEFAULTS.epoch}.`,
      { format: 'int32' },
    ).optional(),
  }),
  'Where the events come from. Default: the cluster of the operator’s configuration.',
  { rules: [saslNeedsTls] },
)
