import { getCACertificates, type ConnectionOptions as TlsOptions } from 'node:tls'
import { KAFKA_SECRET_FILES as FILES } from '../../contract/names.ts'
import type { SinkConfig } from '../../contract/sink-config.ts'
import type { Clock } from '../../lib/clock.ts'
import type { SecretFiles } from '../secret-files.ts'
import { clientCredentials } from './client-credentials.ts'
import { mskIamToken } from './msk-iam-token.ts'
import type { KafkaJsSasl } from './protocol.ts'
import { passwordSasl, tokenSasl } from './sasl.ts'

/** How connections are encrypted and authenticated. */
export interface ConnectionSecurity {
  /** For a connection that opens now: the files may have changed. Null: not encrypted. */
  tls(): Promise<TlsOptions | null>
  /** A new object for every connection, as kafkajs writes into it. Null: no authentication. */
  sasl(): KafkaJsSasl | null
}

export const NO_SECURITY: ConnectionSecurity = { tls: async () => null, sasl: () => null }

/** @param files what the configuration says to be `mounted`, and the secrets of `sasl` */
export function connectionSecurity(
  { tls, sasl }: Pick<SinkConfig['kafka'], 'tls' | 'sasl'>,
  files: SecretFiles,
  clock: Clock,
): ConnectionSecurity {
  return {
    tls: async () => (tls ? tlsOptions(tls, files) : null),
    sasl: sasl ? saslFactory(sasl, tls, files, clock) : () => null,
  }
}

type Tls = NonNullable<SinkConfig['kafka']['tls']>

async function tlsOptions({ authorities, certificate, serverName }: Tls, files: SecretFiles): Promise<TlsOptions> {
  const read = (file: string) => files.read(file, 'kafka.tls.certificateSecretRef')
  return {
    ...(authorities === 'mounted' ? { ca: await readAuthorities(files) } : {}),
    ...(certificate === 'mounted' ? { cert: await read(FILES.certificate), key: await read(FILES.privateKey) } : {}),
    ...(serverName === undefined ? {} : { servername: serverName }),
  }
}

function readAuthorities(files: SecretFiles): Promise<string> {
  return files.read(FILES.ca, 'kafka.tls.caSecretRef')
}

function saslFactory(
  sasl: NonNullable<SinkConfig['kafka']['sasl']>,
  tls: Tls | undefined,
  files: SecretFiles,
  clock: Clock,
): () => KafkaJsSasl {
  if (sasl.mechanism === 'AWS_MSK_IAM') {
    const { region } = sasl
    return () => tokenSasl(() => mskIamToken(region, new Date(clock.now())))
  }
  if (sasl.mechanism === 'OAUTHBEARER') {
    const tokens = clientCredentials({
      ...sasl,
      clock,
      client: async () => ({
        id: await files.read(FILES.clientId, 'kafka.sasl.secretRef'),
        secret: await files.read(FILES.clientSecret, 'kafka.sasl.secretRef'),
      }),
      authorities: async () =>
        tls?.authorities === 'mounted' ? [...getCACertificates('default'), await readAuthorities(files)] : null,
    })
    return () => tokenSasl(tokens.token, tokens.refused)
  }
  const { mechanism, username } = sasl
  return () =>
    passwordSasl(mechanism, async () => ({
      username: username ?? (await files.read(FILES.username, 'kafka.sasl.secretRef')),
      password: await files.read(FILES.password, 'kafka.sasl.secretRef'),
    }))
}
