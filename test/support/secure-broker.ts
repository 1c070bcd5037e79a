import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../stack/native/free-ports.ts'
import { createBroker, installKafka } from '../stack/native/kafka-server.ts'
import { makeCertificates } from './certificates.ts'

export const USERS = { plain: 'plain-user', scram256: 'scram-256-user', scram512: 'scram-512-user' } as const
export const PASSWORD = 'right-password'
/** So short that a test sees connections authenticate again. */
export const SESSION_MS = 3_000

/**
 * A broker of its own with a listener for every kind of authentication: SASL over TLS, and mutual TLS. On its plain listener
 * everybody may do everything; who comes by the others may do what ACLs allow.
 */
export interface SecureBroker {
  /** Everybody is a super user here. */
  readonly plain: string
  readonly sasl: string
  readonly mutualTls: string
  /** ca.crt, other-ca.crt, client.crt, client.key, server.pem. */
  readonly certificates: string
  stop(): Promise<void>
}

export async function startSecureBroker(): Promise<SecureBroker> {
  const dir = await mkdtemp(join(tmpdir(), 'secure-broker-'))
  const certificates = join(dir, 'tls')
  const progress = () => {}
  const [kafka, [sasl = 0, mutualTls = 0]] = await Promise.all([
    installKafka({ progress }),
    freePorts(2),
    makeCertificates(certificates),
  ])
  const { server, bootstrapServers } = await createBroker(kafka, join(dir, 'kafka'), progress, {
    settings: settings(certificates),
    listeners: { SASLTLS: sasl, MUTUALTLS: mutualTls },
    format: [
      ...['--add-scram', `SCRAM-SHA-256=[name=${USERS.scram256},password=${PASSWORD}]`],
      ...['--add-scram', `SCRAM-SHA-512=[name=${USERS.scram512},password=${PASSWORD}]`],
    ],
  })
  await server.start()
  return {
    plain: bootstrapServers,
    sasl: `127.0.0.1:${sasl}`,
    mutualTls: `127.0.0.1:${mutualTls}`,
    certificates,
    stop: async () => {
      await server.stop('SIGKILL')
      await rm(dir, { recursive: true, force: true })
    },
  }
}

function settings(certificates: string): Record<string, string | number> {
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'
  return {
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASLTLS:SASL_SSL,MUTUALTLS:SSL',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    'listener.name.sasltls.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_${USERS.plain}="${PASSWORD}";`,
    'listener.name.sasltls.scram-sha-256.sasl.jaas.config': scram,
    'listener.name.sasltls.scram-sha-512.sasl.jaas.config': scram,
    // Takes tokens that nobody has signed.
    'listener.name.sasltls.oauthbearer.sasl.jaas.config':
      'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
    'listener.name.sasltls.connections.max.reauth.ms': SESSION_MS,
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': join(certificates, 'server.pem'),
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': join(certificates, 'ca.crt'),
    'listener.name.mutualtls.ssl.client.auth': 'required',
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS',
  }
}
