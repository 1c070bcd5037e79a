import type { ConnectionOptions as TlsOptions } from 'node:tls'
import type { Logger } from '../../lib/logger.ts'
import { codeOf, failureReason, isClosedByBroker, isUnanswered } from './connection-failure.ts'
import { type ConnectionSecurity, NO_SECURITY } from './connection-security.ts'
import { KafkaConnectionError } from './kafka-error.ts'
import { Landing } from './landing.ts'
import {
  API_VERSIONS,
  type ApiCall,
  type ApiVersionsResponse,
  apiVersionsCall,
  KafkaJsConnection,
  type KafkaJsLogger,
  type KafkaJsSasl,
} from './protocol.ts'
import { landingSockets, plainSockets } from './sockets.ts'

export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

export interface ConnectionSettings {
  readonly clientId: string
  readonly connectTimeoutMs: number
  /** After this a request counts as lost, and its connection is closed. */
  readonly requestTimeoutMs: number
  readonly logger: Logger
  /** Default: neither encrypted nor authenticated. */
  readonly security?: ConnectionSecurity
  /** Answers are lent (`keepAnswer`) instead of having memory of their own. */
  readonly lendsAnswers?: boolean
}

/**
 * One connection to one broker. A broker answers the requests of a connection one after the other, so a long poll or a
 * JoinGroup needs a connection of its own. Once closed, for whatever reason, it stays closed: the owner opens another.
 */
export class BrokerConnection {
  readonly address: BrokerAddress
  readonly #connection: KafkaJsConnection
  readonly #landing: Landing | null
  #versions: Readonly<Record<number, { minVersion: number; maxVersion: number }>> = {}
  /** Whether a request that needs authentication was answered. */
  #isAccepted = false

  private constructor(address: BrokerAddress, connection: KafkaJsConnection, landing: Landing | null) {
    this.address = address
    this.#connection = connection
    this.#landing = landing
  }

  /** Connects, checks that the broker speaks our versions, authenticates. Throws KafkaConnectionError naming the address. */
  static async open(address: BrokerAddress, settings: ConnectionSettings): Promise<BrokerConnection> {
    const { tls, sasl } = settings.security ?? NO_SECURITY
    const ssl = await tls()
    const landing = settings.lendsAnswers ? new Landing((answer) => answered(raw, answer)) : null
    const raw = newConnection(address, settings, ssl, sasl(), landing)
    const connection = new BrokerConnection(address, raw, landing)
    const name = formatAddress(address)
    const isTls = ssl !== null
    let failure = (cause: unknown) => `cannot reach ${name} (${connectFailure(cause, isTls)})`
    try {
      await raw.connect()
      failure = (cause) => `cannot reach ${name} (${talkFailure(cause, isTls)})`
      await connection.#agreeOnVersions()
      failure = (cause) => `${name} does not let us in by spec.kafka.sasl (${failureReason(cause)})`
      await raw.authenticate()
      renewInTime(raw)
      return connection
    } catch (cause) {
      connection.close()
      throw new KafkaConnectionError(failure(cause), { cause: codeOf(cause) ? undefined : cause })
    }
  }

  /**
   * Keeps the memory in which the last answer lies until that is given back; `moveOut` is called once if it is needed before. To be
   * called as soon as `send` has resolved. Only where `lendsAnswers` is set.
   *
   * @returns gives the memory back
   */
  keepAnswer(moveOut: () => void): () => void {
    return this.#landing?.keep(moveOut) ?? (() => {})
  }

  get closed(): boolean {
    return this.#connection.connectionStatus !== 'connected'
  }

  /**
   * Sends once. Throws KafkaConnectionError when no answer came: the request may or may not have been carried out.
   * Error codes inside the answer are the caller's to look at.
   */
  async send<Response>(call: ApiCall<Response>): Promise<Response> {
    try {
      const response = (await this.#connection.send(call)) as Response
      this.#isAccepted = true
      return response
    } catch (cause) {
      this.close()
      const hint =
        this.#isAccepted || !isClosedByBroker(cause) ? '' : '; it may expect authentication: see spec.kafka.sasl'
      throw new KafkaConnectionError(
        `no answer to ${call.request.apiName} from ${formatAddress(this.address)} (${failureReason(cause)}${hint})`,
      )
    }
  }

  async #agreeOnVersions(): Promise<void> {
    const versions = (await this.#connection.send(apiVersionsCall())) as ApiVersionsResponse
    this.#versions = supportedVersions(versions)
    this.#connection.setVersions(this.#versions)
    this.#connection.setSupportAuthenticationProtocol(true)
  }

  speaks({ apiKey, apiVersion }: { readonly apiKey: number; readonly apiVersion: number }): boolean {
    const range = this.#versions[apiKey]
    return range !== undefined && range.minVersion <= apiVersion && apiVersion <= range.maxVersion
  }

  /** At once; requests under way fail. */
  close(): void {
    this.#connection.requestQueue.rejectAll(new Error('connection closed'))
    void this.#connection.disconnect().catch(() => {})
    this.#connection.socket?.destroy()
    this.#landing?.close()
  }
}

export function formatAddress({ host, port }: BrokerAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** @throws Error when it is not `host:port` or `[ipv6]:port` */
export function parseAddress(text: string): BrokerAddress {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text.trim())
  const host = match?.[1] ?? match?.[2]
  if (!host) throw new Error(`bootstrap server "${text}" is not host:port`)
  return { host, port: Number(match?.[3]) }
}

/** kafkajs shall not join it to what is left of the one before: nothing is. */
function answered(raw: KafkaJsConnection, answer: Buffer): void {
  raw.chunks = []
  raw.processData(answer)
}

function newConnection(
  address: BrokerAddress,
  settings: ConnectionSettings,
  ssl: TlsOptions | null,
  sasl: KafkaJsSasl | null,
  landing: Landing | null,
): KafkaJsConnection {
  const raw = new KafkaJsConnection({
    ...address,
    ssl,
    sasl,
    clientId: settings.clientId,
    logger: kafkaJsLogger(settings.logger),
    socketFactory: landing ? landingSockets(landing) : plainSockets,
    connectionTimeout: settings.connectTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
  })
  withoutIdleTimers(raw)
  return raw
}

/** Of a session's life, as the Java client has it: kafkajs's ten seconds are more than a whole short one. */
const RENEWED_BEFORE_END = 0.15

/** The broker gives an authenticated connection a time (KIP-368); the next request after the rest of it authenticates again first. */
function renewInTime(raw: KafkaJsConnection): void {
  Object.defineProperty(raw, 'reauthenticationThreshold', {
    get: () => Math.ceil(raw.sessionLifetime.toNumber() * RENEWED_BEFORE_END),
  })
}

function connectFailure(cause: unknown, isTls: boolean): string {
  return isTls && isClosedByBroker(cause)
    ? 'it ends the connection before TLS begins: see spec.kafka.tls'
    : failureReason(cause)
}

function talkFailure(cause: unknown, isTls: boolean): string {
  const reason = failureReason(cause)
  if (isUnanswered(cause)) return `${reason}: it takes connections and does not answer as a Kafka broker does`
  return !isTls && isClosedByBroker(cause) ? `${reason}; it may expect TLS: see spec.kafka.tls` : reason
}

/** kafkajs sets a timer of negative length after every answer, about which newer Node versions warn. It is needed only while requests queue up. */
function withoutIdleTimers({ requestQueue }: KafkaJsConnection): void {
  const schedule = requestQueue.scheduleCheckPendingRequests.bind(requestQueue)
  requestQueue.scheduleCheckPendingRequests = () => {
    if (requestQueue.pending.length > 0) schedule()
  }
}

function supportedVersions({ apiVersions }: ApiVersionsResponse) {
  const ranges = Object.fromEntries(apiVersions.map(({ apiKey, ...range }) => [apiKey, range]))
  const fetch = ranges[1]
  if (!fetch || fetch.minVersion > API_VERSIONS.Fetch || fetch.maxVersion < API_VERSIONS.Fetch)
    throw new Error(
      `it speaks Fetch ${fetch?.minVersion} to ${fetch?.maxVersion}, not ${API_VERSIONS.Fetch}: Kafka 2.4 or newer is needed`,
    )
  return ranges
}

/** kafkajs logs as an error what it then throws to us, where it is judged: its lines are only for looking into it. */
function kafkaJsLogger(logger: Logger): KafkaJsLogger {
  const log =
    (level: 'debug' | 'trace') =>
    (message: string, extra: object = {}) => {
      if (logger.isLevelEnabled(level)) logger[level]({ kafkajs: extra }, message)
    }
  const adapter: KafkaJsLogger = {
    namespace: () => adapter,
    error: log('debug'),
    warn: log('debug'),
    info: log('debug'),
    debug: log('trace'),
  }
  return adapter
}
