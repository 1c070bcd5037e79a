import { AssumeRoleCommand, STSClient, type STSClientConfig, STSServiceException } from '@aws-sdk/client-sts'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { SinkConfig } from '../contract/sink-config.ts'
import { describeError } from '../lib/errors.ts'
import type { S3Credentials } from './s3-credentials.ts'

type Role = NonNullable<SinkConfig['s3']['assumeRole']>

/** STS answers within a second. Nothing is written while it is waited for, and the sink cannot end. */
export const TIMEOUT_MS = 10_000
/** Credentials that end sooner may end on their way. */
const LAST_USE_MS = 10_000

/** Answers of STS that last until a person acts. Source: "AssumeRole", "AssumeRoleWithWebIdentity" and "Common errors", AWS STS API Reference. */
export const NEEDS_PERSON: ReadonlySet<string> = new Set([
  'AccessDenied',
  'CredentialsProviderError',
  'HTTP 403',
  'IDPRejectedClaimException',
  'IncompleteSignature',
  'InvalidClientTokenId',
  'InvalidIdentityTokenException',
  'RegionDisabledException',
  'SignatureDoesNotMatch',
  'ValidationError',
])

const CREDENTIALS = 'see spec.config.credentialsSecretRef'

const HINTS: Readonly<Record<string, string>> = {
  AccessDenied:
    'its trust policy must allow sts:AssumeRole to who the sink is otherwise, with the same externalId if it asks for one; where the role is another account’s, the own policy of who asks must allow it too',
  ExpiredToken: `the session token of who asks has expired, ${CREDENTIALS}`,
  'HTTP 403': `perhaps the access key is wrong, ${CREDENTIALS}`,
  IncompleteSignature: `the access key id is none, ${CREDENTIALS}`,
  InvalidClientTokenId: `AWS does not know the access key id, ${CREDENTIALS}`,
  RegionDisabledException: 'STS is not activated in the region for the account of the role',
  SignatureDoesNotMatch: `the secret access key is wrong, ${CREDENTIALS}`,
  ValidationError: 'STS does not take its roleArn or externalId',
}

/**
 * Credentials of a role that is taken on with those of `client`; the SDK asks again before they end (an hour by default).
 * While STS fails for now, those it gave last are used to their end. A refusal names the role and what STS said, so that
 * it is not taken for one of the bucket.
 */
export function assumedRole(role: Role, client: STSClientConfig, timeoutMs = TIMEOUT_MS): () => Promise<S3Credentials> {
  const { roleArn: RoleArn, externalId: ExternalId, sessionName: RoleSessionName } = role
  const sts = new STSClient({ maxAttempts: 1, requestHandler: patientFor(timeoutMs), ...client })
  let last: S3Credentials | null = null
  return async () => {
    const command = new AssumeRoleCommand({ RoleArn, RoleSessionName, ...(ExternalId ? { ExternalId } : {}) })
    try {
      const { Credentials } = await sts.send(command)
      const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '', Expiration = new Date(0) } = Credentials ?? {}
      // As of a proxy that answers 200 to everything.
      if (AccessKeyId === '') throw new Error('the answer is not one of STS')
      last = {
        accessKeyId: AccessKeyId,
        secretAccessKey: SecretAccessKey,
        sessionToken: SessionToken,
        expiration: Expiration,
      }
      return last
    } catch (error) {
      const code = codeOf(error)
      if (last && !NEEDS_PERSON.has(code) && last.expiration.getTime() - Date.now() > LAST_USE_MS) return last
      throw refusal(RoleArn, code, code === 'TimeoutError' ? await silence(sts) : wordsFor(code, error))
    }
  }
}

/** The SDK's own waits for ever. */
export function patientFor(timeoutMs: number): NodeHttpHandler {
  return new NodeHttpHandler({
    connectionTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    throwOnRequestTimeout: true,
  })
}

/** An answer whose words are not those of STS, as of a proxy, has its status. */
export function codeOf(error: unknown): string {
  if (error instanceof STSServiceException)
    return error.name === 'Unknown' ? `HTTP ${error.$metadata.httpStatusCode}` : error.name
  if (!(error instanceof Error)) return 'UnknownError'
  if (error.name === 'CredentialsProviderError' || error.name === 'TimeoutError') return error.name
  return 'code' in error ? String(error.code) : 'UnknownError'
}

/** What STS says may quote who asked, so only its code is passed on. */
function wordsFor(code: string, error: unknown): string {
  if (!(error instanceof STSServiceException)) return describeError(error)
  const hint = HINTS[code]
  return hint === undefined ? code : `${code}: ${hint}`
}

async function silence(sts: STSClient): Promise<string> {
  return `STS of ${await sts.config.region()} does not answer: it must be reachable from the sink’s pods`
}

function refusal(roleArn: string, code: string, why: string): Error {
  const message = `role ${roleArn} of spec.config.assumeRole cannot be assumed: ${why}`
  return Object.assign(new Error(message), NEEDS_PERSON.has(code) ? { name: 'CredentialsProviderError' } : { code })
}
