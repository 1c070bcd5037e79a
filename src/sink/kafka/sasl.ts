import plain from 'kafkajs/src/broker/saslAuthenticator/plain.js'
import scram256 from 'kafkajs/src/broker/saslAuthenticator/scram256.js'
import scram512 from 'kafkajs/src/broker/saslAuthenticator/scram512.js'
import oauthBearerRequest from 'kafkajs/src/protocol/sasl/oauthBearer/request.js'
import type { KafkaJsSasl } from './protocol.ts'

const PASSWORD_MECHANISMS = { PLAIN: plain, 'SCRAM-SHA-256': scram256, 'SCRAM-SHA-512': scram512 }

/** @param credentials asked at every authentication, so that a new password is used for the next one */
export function passwordSasl(
  mechanism: keyof typeof PASSWORD_MECHANISMS,
  credentials: () => Promise<{ username: string; password: string }>,
): KafkaJsSasl {
  return {
    mechanism,
    authenticationProvider: (exchange) => ({
      authenticate: async () => PASSWORD_MECHANISMS[mechanism](await credentials())(exchange).authenticate(),
    }),
  }
}

/**
 * OAUTHBEARER (RFC 7628). A broker that refuses a token answers with a document instead of an error, and waits; kafkajs takes
 * that for consent.
 *
 * @param refused hears of a token that the broker does not take
 */
export function tokenSasl(token: () => Promise<string>, refused: (token: string) => void = () => {}): KafkaJsSasl {
  return {
    mechanism: 'OAUTHBEARER',
    authenticationProvider: ({ saslAuthenticate }) => ({
      authenticate: async () => {
        const value = await token()
        const request = await oauthBearerRequest({}, { value })
        const refusal = await saslAuthenticate({
          request,
          response: { decode: async (raw) => raw.subarray(4).toString(), parse: async (text) => text },
        }).catch((error: unknown) => {
          if (isRefusal(error)) refused(value)
          throw error
        })
        if (!refusal) return
        refused(value)
        throw new Error(`the token is refused: ${refusal}`)
      },
    }),
  }
}

/** Brokers with a validator of their own, such as Strimzi's, do answer with an error. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'type' in error && error.type === 'SASL_AUTHENTICATION_FAILED'
}
