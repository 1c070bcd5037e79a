import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

/** An RSA key pair as an issuer has it. */
export interface IssuerKey {
  readonly kid: string
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
  readonly publicJwk: JWK
}

export async function anIssuerKey(kid = 'key-1'): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
  return { kid, privateKey, publicKey, publicJwk: { ...(await exportJWK(publicKey)), kid, use: 'sig', alg: 'RS256' } }
}

export const ISSUER = 'https://iam.example.com'
/** The time of `FakeClock`, in seconds. */
export const NOW = Date.parse('2026-03-01T12:00:00Z') / 1000

/** The claims of a client's token as an IAM service fills them. */
export function claims(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    iss: ISSUER,
    iat: NOW - 60,
    exp: NOW + 3_540,
    jti: 'token-1',
    sub: '',
    client_id: 'client-1',
    namespace: 'acme',
    permissions: [{ Resource: 'ADMIN:ANALYTICS:CONNECTOR', Action: 15 }],
    namespace_roles: null,
    ...overrides,
  }
}

export function signed(
  { kid, privateKey }: IssuerKey,
  payload: Record<string, unknown> = claims(),
  header: Record<string, unknown> = {},
): Promise<string> {
  return new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid, ...header }).sign(privateKey)
}

export function base64url(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}
