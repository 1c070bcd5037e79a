import { createHash, createHmac } from 'node:crypto'
import { SignatureV4 } from '@smithy/signature-v4'
import type { SourceData } from '@smithy/types'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { amzDate, authorizationOf, encodeKey } from '../../src/sink/s3-signature.ts'

class Sha256 {
  readonly #hash: ReturnType<typeof createHash | typeof createHmac>

  constructor(secret?: SourceData) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as string)
  }

  update(data: SourceData): void {
    this.#hash.update(data as string)
  }

  reset(): void {}

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }
}

const text = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_.~=+ /'), maxLength: 20 })
const secret = fc.string({ unit: fc.constantFrom(...'abcXYZ019+/'), minLength: 1, maxLength: 90 })

test('a request has the signature that the SDK gives it', async () => {
  await fc.assert(
    fc.asyncProperty(
      text,
      secret,
      text,
      fc.date({ min: new Date(0), noInvalidDate: true }),
      async (key, secretAccessKey, meta, at) => {
        const credentials = { accessKeyId: 'AKIATEST', secretAccessKey }
        const path = `/acme-events/${encodeKey(key)}`
        const unsigned = {
          host: 's3.us-west-2.amazonaws.com',
          'if-none-match': '*',
          'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
          'x-amz-meta-topic': meta,
        }
        const signer = new SignatureV4({
          credentials,
          region: 'us-west-2',
          service: 's3',
          sha256: Sha256,
          uriEscapePath: false,
        })
        const request = { method: 'PUT', protocol: 'https:', hostname: 's3', path, query: {}, headers: { ...unsigned } }
        const signed = await signer.sign(request, { signingDate: at })
        const headers = { ...unsigned, 'x-amz-date': amzDate(at.getTime()) }
        expect(headers['x-amz-date']).toBe(signed.headers['x-amz-date'])
        expect(authorizationOf({ method: 'PUT', path, headers }, credentials, 'us-west-2')).toBe(
          signed.headers.authorization,
        )
      },
    ),
    { numRuns: 200 },
  )
})

test('the signing key is that of the credentials, day and region of each request', () => {
  const request = (date: string) =>
    ({ method: 'PUT', path: '/k', headers: { host: 'h', 'x-amz-date': date, 'x-amz-content-sha256': 'x' } }) as const
  const [first, second] = ['one', 'two'].map((secretAccessKey) => ({ accessKeyId: 'a', secretAccessKey }))
  if (!first || !second) throw new Error('two')
  const all = [
    authorizationOf(request('20260301T120500Z'), first, 'us-west-2'),
    authorizationOf(request('20260301T120500Z'), second, 'us-west-2'),
    authorizationOf(request('20260301T120500Z'), first, 'eu-west-1'),
    authorizationOf(request('20260302T120500Z'), first, 'eu-west-1'),
  ]
  expect(new Set(all).size).toBe(4)
  expect(authorizationOf(request('20260301T120500Z'), first, 'us-west-2')).toBe(all[0])
})

test('a key is encoded once, byte by byte, except unreserved characters and slashes', () => {
  expect(encodeKey("a/b c+d=e%20'(é)*!~_-.json")).toBe('a/b%20c%2Bd%3De%2520%27%28%C3%A9%29%2A%21~_-.json')
})
