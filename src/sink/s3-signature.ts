import { hash } from 'node:crypto'

/** Whose request it is. */
export interface SigningCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** A request to S3 without a query, as it goes out. */
export interface SignableRequest {
  readonly method: 'PUT'
  /** Percent-encoded. */
  readonly path: string
  /** Names in lower case; all of them are signed. Among them `host`, `x-amz-date` and `x-amz-content-sha256`. */
  readonly headers: Readonly<Record<string, string>>
}

const ALGORITHM = 'AWS4-HMAC-SHA256'

/**
 * The value of `Authorization`: AWS Signature Version 4 of a request to S3. The same as of @smithy/signature-v4, in a
 * tenth of its time, which counts for small objects. Source: "Authenticating Requests: Using the Authorization Header",
 * Amazon S3 API Reference.
 */
export function authorizationOf(
  { method, path, headers }: SignableRequest,
  { accessKeyId, secretAccessKey }: SigningCredentials,
  region: string,
): string {
  const names = Object.keys(headers).sort()
  const lines = names.map((name) => `${name}:${trimmed(headers[name] ?? '')}\n`).join('')
  const signedHeaders = names.join(';')
  const canonical = `${method}\n${path}\n\n${lines}\n${signedHeaders}\n${headers['x-amz-content-sha256']}`
  const at = headers['x-amz-date'] ?? ''
  const date = at.slice(0, 'yyyymmdd'.length)
  const scope = `${date}/${region}/s3/aws4_request`
  const toSign = `${ALGORITHM}\n${at}\n${scope}\n${hash('sha256', canonical)}`
  const signature = hmac(signingKey(secretAccessKey, date, region), toSign).toString('hex')
  return `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`
}

/** As `x-amz-date` has it: 20260301T120500Z. */
export function amzDate(timestampMs: number): string {
  return `${new Date(timestampMs).toISOString().slice(0, -'.000Z'.length).replaceAll(/[-:]/g, '')}Z`
}

/** A key as part of a path: every byte but unreserved characters is encoded, and only once. */
export function encodeKey(key: string): string {
  return encodeURIComponent(key)
    .replaceAll('%2F', '/')
    .replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** Spaces in a row count as one. */
function trimmed(value: string): string {
  return value.trim().replaceAll(/\s+/g, ' ')
}

let lastKey: { readonly of: string; readonly key: Buffer } | null = null

/** The same for a whole day, unless credentials are renewed. */
function signingKey(secret: string, date: string, region: string): Buffer {
  const of = `${secret} ${date} ${region}`
  if (lastKey?.of === of) return lastKey.key
  const key = [date, region, 's3', 'aws4_request'].reduce<Buffer>(hmac, Buffer.from(`AWS4${secret}`))
  lastKey = { of, key }
  return key
}

const BLOCK_BYTES = 64

/** HMAC-SHA-256 (RFC 2104). Node's own makes a key object first, which takes longer than everything else here. */
function hmac(key: Buffer, text: string): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES)
  if (key.length > BLOCK_BYTES) hash('sha256', key, 'buffer').copy(block)
  else key.copy(block)
  const inner = hash('sha256', Buffer.concat([block.map((byte) => byte ^ 0x36), Buffer.from(text)]), 'buffer')
  return hash('sha256', Buffer.concat([block.map((byte) => byte ^ 0x5c), inner]), 'buffer')
}
