import type { Logger } from '../../lib/logger.ts'
import { KafkaConnectionError } from './kafka-error.ts'
import {
  API_VERSIONS,
  type ApiCall,
  type ApiVersionsResponse,
  apiVersionsCall,
  createSocketFactory,
  KafkaJsConnection,
  type KafkaJsLogger,
} from './protocol.ts'

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
}

/**
 * One connection to one broker. A broker answers the requests of a connection one after the other, so a long poll or a
 * JoinGroup needs a connection of its own. Once closed, for whatever reason, it stays closed: the owner opens another.
 */
export class BrokerConnection {
  readonly address: BrokerAddress
  readonly #connection: KafkaJsConnection

  private constructor(address: BrokerAddress, connection: KafkaJsConnection) {
    this.address = address
    this.#connection = connection
  }

  /** Connects, checks that the broker speaks our versions, authenticates. Throws KafkaConnectionError naming the address. */
  static async open(address: BrokerAddress, settings: ConnectionSettings): Promise<BrokerConnection> {
    const raw = new KafkaJsConnection({
      ...address,
      clientId: settings.clientId,
      logger: kafkaJsLogger(settings.logger),
      socketFactory: createSocket,
      connectionTimeout: settings.connectTimeoutMs,
      requestTimeout: settings.requestTimeoutMs,
    })
    withoutIdleTimers(raw)
    const connection = new BrokerConnection(address, raw)
    try {
      await raw.connect()
      raw.setVersions(supportedVersions(await connection.send(apiVersionsCall())))
      raw.setSupportAuthenticationProtocol(true)
      await raw.authenticate()
      return connection
    } catch (cause) {
      connection.close()
      throw new KafkaConnectionError(`cannot reach ${formatAddress(address)} (${shortReason(cause)})`, {
        cause: codeOf(cause) ? undefined : cause,
      })
    }
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
      return (await this.#connection.send(call)) as Response
    } catch (cause) {
      this.close()
      throw new KafkaConnectionError(
        `no answer to ${call.request.apiName} from ${formatAddress(this.address)} (${shortReason(cause)})`,
      )
    }
  }

  /** At once; requests under way fail. */
  close(): void {
    this.#connection.requestQueue.rejectAll(new Error('connection closed'))
    void this.#connection.disconnect().catch(() => {})
    this.#connection.socket?.destroy()
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

const socketFactory = createSocketFactory()
const createSocket: typeof socketFactory = (options) => socketFactory(options).setNoDelay(true)

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

function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null
}

function shortReason(error: unknown): string {
  return codeOf(error) ?? (error instanceof Error ? error.message : String(error))
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
