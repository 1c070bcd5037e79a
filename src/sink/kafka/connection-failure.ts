/** Words for the codes of Node.js that a person can do something about. */
const EXPLAINED: readonly (readonly [RegExp, string])[] = [
  [/^ENOTFOUND$/, 'there is no such host'],
  [
    /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|UNABLE_TO_VERIFY_LEAF_SIGNATURE)$/,
    'its certificate is not signed by an authority that spec.kafka.tls trusts: see caSecretRef',
  ],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'its certificate is for another name: see spec.kafka.tls.serverName'],
  [/^CERT_HAS_EXPIRED$/, 'its certificate has expired'],
  [
    /ALERT_(CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_UNKNOWN|CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE)/,
    'it wants a client certificate that it trusts: see spec.kafka.tls.certificateSecretRef',
  ],
  [/^(ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG)$/, 'it does not speak TLS: see spec.kafka.tls'],
]

/** Words for the broker's refusals, by kafkajs's type of them. */
const REFUSALS: Readonly<Record<string, string>> = {
  ILLEGAL_SASL_STATE:
    'this listener knows no login: leave spec.kafka.sasl out, or give the port of one that does in spec.kafka.bootstrapServers',
}

/** Why a connection failed, in the words of the system and, where they are known, in words that a person can act on. */
export function failureReason(error: unknown): string {
  const code = codeOf(error)
  if (code === null) return refusalOf(error) ?? (error instanceof Error ? error.message : String(error))
  const words = EXPLAINED.find(([pattern]) => pattern.test(code))?.[1]
  return words === undefined ? code : `${code}: ${words}`
}

function refusalOf(error: unknown): string | undefined {
  return error instanceof Error && 'type' in error && typeof error.type === 'string' ? REFUSALS[error.type] : undefined
}

export function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null
}

/** The broker ended the connection without a word: that is how it answers what it does not understand. */
export function isClosedByBroker(error: unknown): boolean {
  return codeOf(error) === 'ECONNRESET' || (error instanceof Error && /closed/i.test(error.message))
}

/** The request was sent and nothing came back within its time, as from a port that is not Kafka's. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof Error && error.name === 'KafkaJSRequestTimeoutError'
}
