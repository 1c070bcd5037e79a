import { createHash } from 'node:crypto'
import { type S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import { type Dispatcher, Pool } from 'undici'
import type { SinkConfig } from '../contract/sink-config.ts'
import { defined } from '../lib/defined.ts'
import { sizeOf } from './byte-log.ts'
import type { NewObject } from './object-store.ts'
import { type S3Authorities, trustingConnector } from './s3-authorities.ts'
import { CONNECT_TIMEOUT_MS, IDLE_TIMEOUT_MS, MOST_CONNECTIONS, REQUEST_TIMEOUT_MS } from './s3-client.ts'
import { notOfS3 } from './s3-errors.ts'
import { objectOptions } from './s3-object-options.ts'
import { amzDate, authorizationOf, encodeKey } from './s3-signature.ts'
import { type S3Target, targetOf } from './s3-target.ts'

/** Up to here a body is sent in one piece: copying it costs less than another write. */
const LARGEST_JOINED_BYTES = 128 * 1024
/**
 * Most of a body that is given to the connection at once: that is all that undici sees move, so a larger piece would have to go out within
 * IDLE_TIMEOUT_MS, each time again. As large as slabs are.
 */
const LARGEST_PIECE_BYTES = 256 * 1024

/** A proxy may change it, and some servers leave it out when they verify. */
const UNSIGNED_HEADERS = { 'user-agent': 'analytics-connector' }

/** Creates objects where nothing is. */
export interface ObjectPut {
  /** @throws S3ServiceException for an answer that is no success, otherwise what became of the connection */
  put(object: NewObject, signal: AbortSignal): Promise<void>
  close(): void
}

/**
 * PutObject without the SDK's layers, which take a millisecond and more of processor time for any object: with a hundred
 * of them in a set that is most of what the sink does. The SDK still says where the bucket is and who we are.
 *
 * A body is sent from the memory it lies in. Over https it is not part of the signature, as TLS protects it already (AWS's
 * own command line does the same); over plain http it is.
 */
export class DirectPut implements ObjectPut {
  readonly #client: S3Client
  readonly #s3: SinkConfig['s3']
  readonly #authorities: S3Authorities | null
  readonly #sameHeaders: Readonly<Record<string, string>>
  /** Memory for bodies in one piece, as many as were sent at once. */
  readonly #spare: Buffer[] = []
  #ready: Promise<{ target: S3Target; pool: Pool }> | null = null
  /** What the server's clock is ahead of ours, once it has refused a request for that. */
  #clockAheadMs = 0

  /** @param authorities that the endpoint is trusted by; null: the public ones */
  constructor(client: S3Client, s3: SinkConfig['s3'], authorities: S3Authorities | null = null) {
    this.#client = client
    this.#authorities = authorities
    this.#s3 = s3
    this.#sameHeaders = { 'if-none-match': '*', ...optionHeaders(s3) }
  }

  async put(object: NewObject, signal: AbortSignal): Promise<void> {
    const { target, pool } = await this.#connected()
    const path = target.basePath + encodeKey(object.key)
    const sizeBytes = sizeOf(object.chunks)
    const memory = sizeBytes <= LARGEST_JOINED_BYTES ? this.#joined(object.chunks) : null
    const chunks = memory === null ? object.chunks : [memory.subarray(0, sizeBytes)]
    const headers = await this.#headers({ ...object, chunks }, path, target)
    // undici takes an iterable of buffers as well, says its documentation and not its types.
    const body = (memory === null ? piecesOf(chunks) : chunks[0]) as Buffer
    await withinTime(signal, REQUEST_TIMEOUT_MS, async (either) => {
      const answer = await pool.request({ method: 'PUT', path, headers, body, signal: either })
      const text = await answer.body.text()
      // Each object has an ETag: a proxy on the way may answer 200 to everything.
      const isWritten = answer.statusCode >= 200 && answer.statusCode <= 299 && answer.headers.etag !== undefined
      if (!isWritten) throw this.#failureOf(answer, text)
    })
    // Not after a failure: what becomes of the rest of that body is not known.
    if (memory !== null) this.#spare.push(memory)
  }

  /** In memory that was used for another body before: to allocate it anew for hundreds of objects leaves V8 with tens of megabytes to collect. */
  #joined(chunks: readonly Buffer[]): Buffer {
    const memory = this.#spare.pop() ?? Buffer.allocUnsafeSlow(LARGEST_JOINED_BYTES)
    let at = 0
    for (const chunk of chunks) at += chunk.copy(memory, at)
    return memory
  }

  close(): void {
    void this.#ready?.then(({ pool }) => pool.destroy()).catch(() => {})
  }

  /** Once; again after a failure, as for want of credentials. */
  #connected(): Promise<{ target: S3Target; pool: Pool }> {
    this.#ready ??= targetOf(this.#client, this.#s3.bucketName).then(
      (target) => ({ target, pool: poolFor(target, this.#authorities) }),
      (error: unknown) => {
        this.#ready = null
        throw error
      },
    )
    return this.#ready
  }

  async #headers({ chunks, crc32, contentType, metadata }: NewObject, path: string, target: S3Target) {
    const credentials = await this.#client.config.credentials()
    const headers: Record<string, string> = {
      ...this.#sameHeaders,
      host: target.host,
      'content-type': contentType,
      'x-amz-date': amzDate(Date.now() + this.#clockAheadMs),
      'x-amz-content-sha256': target.isTls ? 'UNSIGNED-PAYLOAD' : sha256Of(chunks),
    }
    for (const [name, value] of Object.entries(metadata)) headers[`x-amz-meta-${name}`] = value
    if (this.#s3.requestChecksumCalculation === 'when_supported')
      headers['x-amz-checksum-crc32'] = Buffer.from(crc32, 'hex').toString('base64')
    if (credentials.sessionToken !== undefined) headers['x-amz-security-token'] = credentials.sessionToken
    const authorization = authorizationOf({ method: 'PUT', path, headers }, credentials, target.region)
    return { ...headers, authorization, ...UNSIGNED_HEADERS, 'content-length': String(sizeOf(chunks)) }
  }

  /** An error like the SDK's, also for an answer that did not come from S3; s3-errors.ts turns it into what a person reads. */
  #failureOf({ statusCode, headers }: Dispatcher.ResponseData, text: string): Error {
    const told = (tag: string) => new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(text)?.[1]
    const $response = { statusCode, headers }
    if (text !== '' && told('Code') === undefined) return notOfS3($response)
    const name = told('Code') ?? 'Unknown'
    const dateMs = Date.parse(String(headers.date))
    if (name === 'RequestTimeTooSkewed' && Number.isFinite(dateMs)) this.#clockAheadMs = dateMs - Date.now()
    const error = new S3ServiceException({
      name,
      $fault: statusCode < 500 ? 'client' : 'server',
      message: told('Message') ?? '',
      $metadata: { httpStatusCode: statusCode },
    })
    return Object.assign(error, { $response, Region: told('Region') })
  }
}

function poolFor({ isTls, host }: S3Target, authorities: S3Authorities | null): Pool {
  return new Pool(`${isTls ? 'https' : 'http'}://${host}`, {
    connections: MOST_CONNECTIONS,
    allowH2: false,
    connect: authorities ? trustingConnector(authorities, CONNECT_TIMEOUT_MS) : { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: IDLE_TIMEOUT_MS,
    bodyTimeout: IDLE_TIMEOUT_MS,
  })
}

function optionHeaders(s3: SinkConfig['s3']): Record<string, string> {
  const { ServerSideEncryption, SSEKMSKeyId, StorageClass } = objectOptions(s3)
  const headers = {
    'x-amz-server-side-encryption': ServerSideEncryption,
    'x-amz-server-side-encryption-aws-kms-key-id': SSEKMSKeyId,
    'x-amz-storage-class': StorageClass,
  }
  return defined(headers) as Record<string, string>
}

function* piecesOf(chunks: readonly Buffer[]): Generator<Buffer> {
  for (const chunk of chunks)
    for (let at = 0; at < chunk.length; at += LARGEST_PIECE_BYTES) yield chunk.subarray(at, at + LARGEST_PIECE_BYTES)
}

function sha256Of(chunks: readonly Buffer[]): string {
  const hash = createHash('sha256')
  for (const chunk of chunks) hash.update(chunk)
  return hash.digest('hex')
}

/** Work with a signal that aborts with `signal` or after the time. The timer is cleared: one of AbortSignal.timeout would stay for each object. */
async function withinTime(
  signal: AbortSignal,
  timeoutMs: number,
  work: (either: AbortSignal) => Promise<void>,
): Promise<void> {
  signal.throwIfAborted()
  const over = new AbortController()
  const onAbort = () => over.abort(signal.reason)
  const timer = setTimeout(
    () => over.abort(new DOMException(`no answer within ${timeoutMs} ms`, 'TimeoutError')),
    timeoutMs,
  )
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await work(over.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}
