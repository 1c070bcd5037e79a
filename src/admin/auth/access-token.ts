import { type CryptoKey, errors, type JWTPayload, jwtVerify } from 'jose'
import * as z from 'zod'
import { type Permission, permissionsClaim } from './permissions.ts'

/** The one algorithm that is accepted; what a token's header or a key says of its own is never followed. */
export const ALGORITHM = 'RS256'
/** Clocks of two machines may differ by so much. */
const CLOCK_SKEW_SECONDS = 30
/** Most characters of a token that is looked at; IAM's have one to four thousand. */
const MAX_TOKEN_LENGTH = 16_384

export interface KeySource {
  /**
   * The public key of this name, undefined where there is none.
   * @throws Error when the keys cannot be had, or not those that are new
   */
  keyOf(kid: string): Promise<CryptoKey | undefined>
}

export interface Role {
  readonly roleId: string
  /** What `{namespace}` means in this role's permissions. */
  readonly namespace: string
}

/** An access token that has been verified. */
export interface AccessToken {
  readonly token: string
  readonly tokenId: string | undefined
  readonly clientId: string | undefined
  /** Set for a person's token. */
  readonly userId: string | undefined
  /** Seconds since the epoch. */
  readonly issuedAt: number
  readonly expiresAt: number
  readonly permissions: readonly Permission[]
  readonly roles: readonly Role[]
}

/** The token is not accepted; the message says why and holds nothing of it. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused'
}

const text = z.string().optional()
const claimsSchema = z.object({
  iat: z.number(),
  exp: z.number(),
  jti: text,
  sub: text,
  client_id: text,
  namespace: z.string().default(''),
  permissions: permissionsClaim,
  roles: z.array(z.string()).nullish(),
  namespace_roles: z.array(z.object({ roleId: z.string(), namespace: z.string() })).nullish(),
})

/**
 * Verifies signature, issuer and times of a JWT and reads the claims that matter here.
 *
 * @throws TokenRefused; whatever `keys` throws passes through
 */
export async function verifyAccessToken(
  token: string,
  { issuer, keys, nowMs }: { issuer: string; keys: KeySource; nowMs: number },
): Promise<AccessToken> {
  if (token.length > MAX_TOKEN_LENGTH) throw new TokenRefused(`the token is longer than ${MAX_TOKEN_LENGTH} characters`)
  const findKey = async ({ kid }: { kid?: string }) => {
    const key = typeof kid === 'string' ? await keys.keyOf(kid) : undefined
    if (key === undefined) throw new TokenRefused('the token is signed with a key that its issuer does not publish')
    return key
  }
  try {
    const { payload } = await jwtVerify(token, findKey, {
      algorithms: [ALGORITHM],
      issuer,
      requiredClaims: ['exp', 'iat'],
      clockTolerance: CLOCK_SKEW_SECONDS,
      currentDate: new Date(nowMs),
    })
    return readClaims(token, payload)
  } catch (error) {
    throw error instanceof errors.JOSEError ? new TokenRefused(reasonOf(error)) : error
  }
}

function readClaims(token: string, payload: JWTPayload): AccessToken {
  const { success, data, error } = claimsSchema.safeParse(payload)
  if (!success) throw new TokenRefused(`the token's claim ${error.issues[0]?.path.join('.')} cannot be read`)
  const { roles, namespace_roles, namespace } = data
  return {
    token,
    tokenId: data.jti,
    clientId: data.client_id || undefined,
    userId: data.sub || undefined,
    issuedAt: data.iat,
    expiresAt: data.exp,
    permissions: data.permissions,
    roles: [...(namespace_roles ?? []), ...(roles ?? []).map((roleId) => ({ roleId, namespace }))],
  }
}

function reasonOf(error: InstanceType<typeof errors.JOSEError>): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired'
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'iss') return 'the token is from another issuer'
    if (error.claim === 'nbf') return 'the token is not valid yet'
    return `the token's claim ${error.claim} is missing or wrong`
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return `the token is not signed with ${ALGORITHM}`
  if (error instanceof errors.JWSSignatureVerificationFailed) return "the token's signature is wrong"
  return 'the token is no JWT'
}
