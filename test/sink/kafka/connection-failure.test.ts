import { expect, test } from 'vitest'
import { failureReason } from '../../../src/sink/kafka/connection-failure.ts'

/** As kafkajs makes one of a broker's error code. */
const protocolError = (type: string, message: string) => Object.assign(new Error(message), { type, code: 34 })

test.each([
  [Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:9092'), { code: 'ECONNREFUSED' }), /^ECONNREFUSED$/],
  [Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }), /^ENOTFOUND: there is no such host$/],
  [protocolError('SASL_AUTHENTICATION_FAILED', 'Invalid username or password'), /^Invalid username or password$/],
  [
    protocolError('ILLEGAL_SASL_STATE', 'Request is not valid given the current SASL state'),
    /^this listener knows no login: leave spec.kafka.sasl out/,
  ],
  ['nonsense', /^nonsense$/],
])('%s is told so that a person can act', (error, words) => {
  expect(failureReason(error)).toMatch(words)
})
