import type * as z from 'zod'
import { type kafkaSaslSchema, type kafkaTlsSchema, saslNeedsTls } from './kafka-fields.ts'
import { KAFKA_SECRET_FILES as FILES } from './names.ts'
import type { AnalyticsConnectorSpec } from './resource.ts'
import type { SinkConfig } from './sink-config.ts'

/** A Kafka cluster, and what it takes to use it. */
export interface KafkaAccess {
  readonly bootstrapServers: readonly string[]
  readonly tls?: z.infer<typeof kafkaTlsSchema> | undefined
  readonly sasl?: z.infer<typeof kafkaSaslSchema> | undefined
}

/**
 * The cluster of a connector. `tls` and `sasl` belong to the servers: a connector with servers of its own gets nothing of the
 * operator's, so that no other cluster is shown credentials that were meant for the operator's.
 *
 * @throws Error where a secret would be shown without TLS
 */
export function kafkaAccessOf(kafka: AnalyticsConnectorSpec['kafka'], operators: KafkaAccess): KafkaAccess {
  const { bootstrapServers, tls, sasl } = kafka ?? {}
  const access = bootstrapServers
    ? { bootstrapServers, tls, sasl }
    : { ...operators, tls: tls ?? operators.tls, sasl: sasl ?? operators.sasl }
  if (!saslNeedsTls.holds(access)) throw new Error(`kafka ${saslNeedsTls.allowed}`)
  return access
}

/** As the sink's configuration has it: what is in files is only said to be there. */
export function sinkKafkaAccess({
  bootstrapServers,
  tls,
  sasl,
}: KafkaAccess): Pick<SinkConfig['kafka'], 'bootstrapServers' | 'tls' | 'sasl'> {
  return {
    bootstrapServers: [...bootstrapServers],
    ...(tls ? { tls: sinkTls(tls) } : {}),
    ...(sasl ? { sasl: sinkSasl(sasl) } : {}),
  }
}

function sinkTls({ caSecretRef, certificateSecretRef, serverName }: NonNullable<KafkaAccess['tls']>) {
  return {
    authorities: caSecretRef ? 'mounted' : 'system',
    certificate: certificateSecretRef ? 'mounted' : 'none',
    ...(serverName === undefined ? {} : { serverName }),
  } as const
}

function sinkSasl(sasl: NonNullable<KafkaAccess['sasl']>): NonNullable<SinkConfig['kafka']['sasl']> {
  const { mechanism, username, tokenEndpoint = '', scope, region = '' } = sasl
  if (mechanism === 'AWS_MSK_IAM') return { mechanism, region }
  if (mechanism === 'OAUTHBEARER') return { mechanism, tokenEndpoint, ...(scope === undefined ? {} : { scope }) }
  return { mechanism, ...(username === undefined ? {} : { username }) }
}

/** A Secret whose keys a sink pod mounts, and the names that they get as files. */
export interface MountedSecret {
  readonly name: string
  readonly files: readonly { readonly key: string; readonly path: string }[]
}

/** The files of KAFKA_SECRETS_DIR. */
export function kafkaSecretsOf({ tls, sasl }: KafkaAccess): MountedSecret[] {
  const { caSecretRef: ca, certificateSecretRef: certificate } = tls ?? {}
  return [
    ...(ca ? [{ name: ca.name, files: [{ key: ca.key ?? FILES.ca, path: FILES.ca }] }] : []),
    ...(certificate
      ? [
          {
            name: certificate.name,
            files: [
              { key: certificate.certificateKey ?? FILES.certificate, path: FILES.certificate },
              { key: certificate.privateKeyKey ?? FILES.privateKey, path: FILES.privateKey },
            ],
          },
        ]
      : []),
    ...(sasl?.secretRef
      ? [{ name: sasl.secretRef.name, files: saslFiles(sasl).map((key) => ({ key, path: key })) }]
      : []),
  ]
}

function saslFiles({ mechanism, username }: NonNullable<KafkaAccess['sasl']>): string[] {
  if (mechanism === 'OAUTHBEARER') return [FILES.clientId, FILES.clientSecret]
  return username === undefined ? [FILES.username, FILES.password] : [FILES.password]
}
