import * as z from 'zod'
import { bootstrapServers, installFields, namespaceName, parseConfigFile } from '../contract/install-config.ts'
import { authConfigSchema } from './auth/config.ts'

const file = z.string().min(1)

const rateLimit = (perSecond: number, burst: number) =>
  z
    .strictObject({
      /** Calls a second that are allowed for good. */
      perSecond: z.number().positive().max(100_000),
      /** Calls that may come at once after a rest. */
      burst: z.int().min(1).max(1_000_000),
    })
    .default({ perSecond, burst })

const kafkaSchema = z
  .strictObject({
    bootstrapServers,
    /** Absent: no TLS. Without `caFile` the public authorities are trusted. */
    tls: z.strictObject({ caFile: file.optional() }).optional(),
    sasl: z
      .strictObject({
        mechanism: z.enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']),
        username: z.string().min(1),
        /** A mounted Secret. */
        passwordFile: file,
      })
      .optional(),
  })
  .refine(({ tls, sasl }) => sasl?.mechanism !== 'PLAIN' || tls !== undefined, {
    error: 'must have tls where sasl.mechanism is PLAIN, which would show the password to anybody on the network',
  })

/** The configuration file of the REST API. Every value is checked and bounded here, nothing below reads it again. */
export const adminConfigSchema = z.strictObject({
  ...installFields,
  /** The Kafka cluster whose topics are listed: the operator's. */
  kafka: kafkaSchema,
  /** Kubernetes namespace of the connectors that POST makes, one of `watchNamespaces`; absent: the pod's own. */
  connectorNamespace: namespaceName.optional(),
  /** The connectors' own role, which the bucket policy lets in. */
  roleArn: z
    .string()
    .regex(/^arn:aws[a-z-]*:iam::[0-9]{12}:role\/[\w+=,.@/-]{1,512}$/, {
      error: 'must be the ARN of a role, such as arn:aws:iam::123456789012:role/connector',
    })
    .optional(),
  /** Certificate (with its chain) and key, PEM; read again when they change. Absent: plain HTTP, behind a proxy that has TLS. */
  tls: z.strictObject({ certFile: file, keyFile: file }).optional(),
  /** Whose tokens are accepted; `--insecure-no-auth` goes without. */
  auth: authConfigSchema.optional(),
  rateLimits: z
    .strictObject({
      /** Of each caller, in each replica. */
      perClient: rateLimit(50, 100),
      /** Of refused tokens from one address. */
      refusals: rateLimit(1, 30),
    })
    .prefault({}),
  /** Addresses or networks (CIDR) of the proxies whose X-Forwarded-For is believed. */
  trustedProxies: z
    .array(
      z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
        error: 'must be an address or a network such as 10.0.0.0/8',
      }),
    )
    .default([]),
  /** From SIGTERM until no new connection is taken: balancers need time to hear of it. */
  shutdownDelaySeconds: z.number().min(0).max(120).default(5),
})

export type AdminConfig = z.infer<typeof adminConfigSchema>

/** Reads the configuration file of the REST API; see `parseConfigFile`. */
export function parseAdminConfig(text: string, name: string): AdminConfig {
  return parseConfigFile(adminConfigSchema, text, name)
}

/**
 * Kubernetes namespace of the connectors that POST makes.
 *
 * @param name of the configuration file, for the message
 * @throws Error for one in which the REST API looks after nothing, and has no rights
 */
export function connectorNamespaceOf(
  { connectorNamespace, watchNamespaces }: AdminConfig,
  ownNamespace: string,
  name: string,
): string {
  const namespace = connectorNamespace ?? ownNamespace
  if (watchNamespaces === undefined || watchNamespaces.includes(namespace)) return namespace
  const found = connectorNamespace === undefined ? `absent, so ${namespace}, the pod's own` : namespace
  const allowed = watchNamespaces.join(', ')
  throw new Error(
    `${name} cannot be used: connectorNamespace: is ${found}: must be one of watchNamespaces (${allowed})`,
  )
}
