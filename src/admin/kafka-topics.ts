import { connect as connectTcp, isIP } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { type ISocketFactory, Kafka, logLevel, type SASLOptions } from 'kafkajs'
import type { Clock } from '../lib/clock.ts'
import { ApiError } from './api-error.ts'
import { Refreshed } from './auth/refreshed.ts'

/** How old an answer may be. */
const FRESH_MS = 5_000
const RETRY_MS = 1_000
const TIMEOUT_MS = 5_000
/** kafkajs takes what is before the first colon for the host: those of an IPv6 address are hidden from it until a socket is made. */
const HIDDEN_COLON = '%3A'

export interface KafkaSettings {
  readonly bootstrapServers: readonly string[]
  /** Certificate authority, PEM; absent within it: the public ones. */
  readonly tls?: { readonly ca?: string }
  readonly sasl?: {
    readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
    readonly username: string
    readonly password: string
  }
}

/**
 * Every topic of the Kafka cluster, kept for a few seconds.
 *
 * @param settings asked for each connection: passwords and authorities are renewed
 * @returns a function that throws ApiError 503
 */
export function kafkaTopics(
  settings: () => KafkaSettings,
  clock: Pick<Clock, 'elapsed'>,
): () => Promise<readonly string[]> {
  const topics = new Refreshed({
    load: async () => readTopics(settings()),
    freshMs: FRESH_MS,
    staleMs: FRESH_MS,
    retryMs: RETRY_MS,
    clock,
    onError: () => {},
  })
  return () =>
    topics.get().catch((cause: unknown) => {
      throw new ApiError('unavailable', 'Kafka does not answer; try again', { headers: { 'retry-after': '1' }, cause })
    })
}

/** One connection for one question, as it is asked seldom. kafkajs keeps what it is given as `sasl`, so each client has its own. */
async function readTopics({ bootstrapServers, tls, sasl }: KafkaSettings): Promise<string[]> {
  const kafka = new Kafka({
    clientId: 'analytics-connector-admin',
    brokers: bootstrapServers.map(withHiddenColons),
    socketFactory,
    connectionTimeout: TIMEOUT_MS,
    requestTimeout: TIMEOUT_MS,
    retry: { retries: 1 },
    logLevel: logLevel.NOTHING,
    ...(tls ? { ssl: tls.ca === undefined ? true : { ca: [tls.ca] } } : {}),
    ...(sasl ? { sasl: { ...sasl, mechanism: sasl.mechanism.toLowerCase() } as SASLOptions } : {}),
  })
  const admin = kafka.admin()
  try {
    await admin.connect()
    return await admin.listTopics()
  } finally {
    await admin.disconnect()
  }
}

/** @param server `host:port` or `[ipv6]:port` */
function withHiddenColons(server: string): string {
  return server.replace(/^\[(.+)\]/, (_all, address: string) => address.replaceAll(':', HIDDEN_COLON))
}

const socketFactory: ISocketFactory = ({ host: hidden, port, ssl, onConnect }) => {
  const host = hidden.replaceAll(HIDDEN_COLON, ':')
  if (!ssl) return connectTcp({ host, port }, onConnect)
  return connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
}
