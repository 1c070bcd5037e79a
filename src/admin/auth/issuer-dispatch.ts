import { decodeJwt } from 'jose'
import type { Authenticator } from './authenticator.ts'
import { bearerToken } from './bearer.ts'

/**
 * Hands a token to the authenticator of its issuer. The claim is read before anything is verified: it only chooses who
 * verifies, and each of those accepts no issuer but its own.
 *
 * @param others for every other token, and for what is no JWT
 */
export function dispatchByIssuer(byIssuer: ReadonlyMap<string, Authenticator>, others: Authenticator): Authenticator {
  return {
    authenticate: async (authorization) => {
      const issuer = issuerOf(bearerToken(authorization))
      return (byIssuer.get(issuer ?? '') ?? others).authenticate(authorization)
    },
  }
}

function issuerOf(token: string): string | undefined {
  try {
    const { iss } = decodeJwt(token)
    return typeof iss === 'string' ? iss : undefined
  } catch {
    return undefined
  }
}
