import { createHash, createHmac } from 'node:crypto'
import { SignatureV4 } from '@smithy/signature-v4'
import { foundCredentials } from '../s3-pod-role.ts'

/** Longest that Amazon MSK takes, in seconds; it counts for opening the connection only. */
const EXPIRES_IN_SECONDS = 900

type Credentials = Exclude<ConstructorParameters<typeof SignatureV4>[0]['credentials'], undefined>
/** Those of the pod. An STS that never answers would hold up every connection for good, as all wait for the same answer. */
const podIdentity = foundCredentials()

/**
 * The token by which Amazon MSK recognises an AWS identity: a presigned URL of the action kafka-cluster:Connect.
 * Source: https://github.com/aws/aws-msk-iam-sasl-signer-js, which would bring a second AWS client with it.
 */
export async function mskIamToken(region: string, now: Date, credentials: Credentials = podIdentity): Promise<string> {
  const hostname = `kafka.${region}.amazonaws.com`
  const signer = new SignatureV4({ service: 'kafka-cluster', region, credentials, sha256: Sha256 })
  const signed = await signer.presign(
    {
      method: 'GET',
      protocol: 'https:',
      hostname,
      path: '/',
      headers: { host: hostname },
      query: { Action: 'kafka-cluster:Connect' },
    },
    { signingDate: now, expiresIn: EXPIRES_IN_SECONDS },
  )
  const query = Object.entries(signed.query ?? {}).map(
    ([name, value]) => `${name}=${encodeURIComponent(String(value))}`,
  )
  return Buffer.from(`https://${hostname}/?${query.join('&')}&User-Agent=analytics-connector`).toString('base64url')
}

/** SHA-256, with a key its HMAC, in the form that the signer asks for. */
class Sha256 {
  readonly #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>

  constructor(key?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = key === undefined ? createHash('sha256') : createHmac('sha256', asBytes(key))
  }

  update(data: Uint8Array): void {
    this.#hash.update(data)
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }

  reset(): void {}
}

function asBytes(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === 'string') return Buffer.from(data)
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data)
}
