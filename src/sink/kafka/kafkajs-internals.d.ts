/** The few internal modules of kafkajs 2.2.4 (pinned: no later version exists) that `protocol.ts` builds on; kafkajs publishes no types for them. */

declare module 'kafkajs/src/network/connection.js' {
  import type { Socket } from 'node:net'
  import type { ConnectionOptions as TlsOptions } from 'node:tls'

  export interface KafkaJsLogger {
    namespace(name: string): KafkaJsLogger
    error(message: string, extra?: object): void
    warn(message: string, extra?: object): void
    info(message: string, extra?: object): void
    debug(message: string, extra?: object): void
  }

  export interface ConnectionOptions {
    host: string
    port: number
    clientId: string
    logger: KafkaJsLogger
    socketFactory: (options: { host: string; port: number; ssl: TlsOptions; onConnect: () => void }) => Socket
    connectionTimeout: number
    requestTimeout: number
    ssl?: TlsOptions | null
    sasl?: Sasl | null
  }

  /** One step of a SASL exchange: what is sent, and what the answer is taken for. */
  export interface SaslStep {
    request: { encode(): Promise<Buffer> }
    response?: { decode(raw: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<unknown> }
  }

  export interface SaslExchange {
    host: string
    port: number
    logger: KafkaJsLogger
    saslAuthenticate(step: SaslStep): Promise<unknown>
  }

  export interface Sasl {
    mechanism: string
    /** Asked at the beginning of a connection, and again before its session ends (KIP-368). */
    authenticationProvider(exchange: SaslExchange): { authenticate(): Promise<void> }
  }

  /** One TCP connection: framing, correlation, request timeouts, SASL. It sends what it is given once and retries nothing. */
  export default class Connection {
    constructor(options: ConnectionOptions)
    connectionStatus: 'connected' | 'disconnecting' | 'disconnected'
    socket?: Socket
    /** Milliseconds as a Long; 0: unlimited. */
    sessionLifetime: { toNumber(): number }
    /** Milliseconds before its end at which a session is renewed. */
    reauthenticationThreshold: number
    requestQueue: {
      pending: unknown[]
      rejectAll(error: Error): void
      scheduleCheckPendingRequests(): void
    }
    connect(): Promise<true>
    setVersions(versions: Record<number, { minVersion: number; maxVersion: number }>): void
    setSupportAuthenticationProtocol(supported: boolean): void
    authenticate(): Promise<void>
    send(call: object): Promise<unknown>
    disconnect(): Promise<true>
    /** Bytes that have arrived and are not part of a whole answer yet. */
    chunks: Buffer[]
    /** Hears of arriving bytes. */
    processData(bytes: Buffer): void
  }
}

declare module 'kafkajs/src/network/socketFactory.js' {
  import type { ConnectionOptions } from 'kafkajs/src/network/connection.js'
  export default function createSocketFactory(): ConnectionOptions['socketFactory']
}

declare module 'kafkajs/src/protocol/encoder.js' {
  export default class Encoder {
    readonly buffer: Buffer
    writeBoolean(value: boolean): this
    writeBuffer(value: Buffer): this
    writeInt32(value: number): this
    writeInt64(value: bigint): this
    writeString(value: string | null): this
    writeUVarInt(value: number): this
    writeUVarIntString(value: string | null): this
  }
}

declare module 'kafkajs/src/protocol/decoder.js' {
  export default class Decoder {
    constructor(buffer: Buffer)
    readonly buffer: Buffer
    readonly offset: number
    forward(bytes: number): void
    readBoolean(): boolean
    readInt16(): number
    readInt32(): number
    /** As a Long. */
    readInt64(): { toString(): string }
    readString(): string | null
    readArray<T>(read: () => T): T[]
    readUVarInt(): number
    readUVarIntString(): string | null
    readUVarIntArray<T>(read: () => T): T[] | null
  }
}

declare module 'kafkajs/src/protocol/requests/index.js' {
  import type Encoder from 'kafkajs/src/protocol/encoder.js'

  export interface WireCall {
    request: { apiKey: number; apiVersion: number; apiName: string; encode(): Promise<Encoder> }
    response: { decode(raw: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<unknown> }
    requestTimeout?: number
  }
  interface Definition {
    protocol(options: { version: number }): (parameters: object) => WireCall
  }
  export const requests: Record<
    | 'ApiVersions'
    | 'DeleteGroups'
    | 'DescribeGroups'
    | 'Fetch'
    | 'GroupCoordinator'
    | 'Heartbeat'
    | 'JoinGroup'
    | 'LeaveGroup'
    | 'ListOffsets'
    | 'Metadata'
    | 'SyncGroup',
    Definition
  >
}

declare module 'kafkajs/src/consumer/assignerProtocol.js' {
  export const MemberMetadata: {
    encode(metadata: { version: number; topics: string[]; userData?: Buffer }): Buffer
    decode(buffer: Buffer): { version: number; topics: string[]; userData: Buffer | null }
  }
  export const MemberAssignment: {
    encode(assignment: { version: number; assignment: Record<string, number[]>; userData?: Buffer }): Buffer
    decode(buffer: Buffer): { version: number; assignment: Record<string, number[]> } | null
  }
}

declare module 'kafkajs/src/broker/saslAuthenticator/plain.js' {
  import type { PasswordMechanism } from 'kafkajs/src/broker/saslAuthenticator/scram256.js'

  const plain: PasswordMechanism
  export default plain
}

declare module 'kafkajs/src/broker/saslAuthenticator/scram256.js' {
  import type { SaslExchange } from 'kafkajs/src/network/connection.js'
  export type PasswordMechanism = (credentials: {
    username: string
    password: string
  }) => (exchange: SaslExchange) => { authenticate(): Promise<void> }
  const scram256: PasswordMechanism
  export default scram256
}

declare module 'kafkajs/src/broker/saslAuthenticator/scram512.js' {
  import type { PasswordMechanism } from 'kafkajs/src/broker/saslAuthenticator/scram256.js'

  const scram512: PasswordMechanism
  export default scram512
}

declare module 'kafkajs/src/protocol/sasl/oauthBearer/request.js' {
  export default function oauthBearerRequest(
    sasl: object,
    token: { value: string },
  ): Promise<{ encode(): Promise<Buffer> }>
}
