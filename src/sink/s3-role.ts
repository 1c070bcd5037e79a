import { AssumeRoleCommand, STSClient, type STSClientConfig, STSServiceException } from '@aws-sdk/client-sts'
import type { SinkConfig } from '../contract/sink-config.ts'
import { describeError } from '../lib/errors.ts'
import type { S3Credentials } from './s3-credentials.ts'

type Role = NonNullable<SinkConfig['s3']['assumeRole']>

/** Answers of STS that last until a person acts. Source: "AssumeRole", AWS STS API Reference. */
const NEEDS_PERSON = new Set([
  'AccessDenied',
  'InvalidClientTokenId',
  'RegionDisabledException',
  'SignatureDoesNotMatch',
])

const HINTS: Readonly<Record<string, string>> = {
  AccessDenied:
    'AccessDenied: its trust policy must allow sts:AssumeRole to who the sink is otherwise, with the same externalId if it asks for one',
  InvalidClientTokenId: 'InvalidClientTokenId: the access key id is unknown, see spec.config.credentialsSecretRef',
  SignatureDoesNotMatch: 'SignatureDoesNotMatch: the secret access key is wrong, see spec.config.credentialsSecretRef',
}

/**
 * Credentials of a role that is taken on with those of `client`; the SDK asks again before they end (an hour by default).
 * A refusal names the role and what STS said, so that it is not taken for one of the bucket.
 */
export function assumedRole(role: Role, client: STSClientConfig): () => Promise<S3Credentials> {
  const { roleArn: RoleArn, externalId: ExternalId, sessionName: RoleSessionName } = role
  const sts = new STSClient(client)
  return async () => {
    const command = new AssumeRoleCommand({ RoleArn, RoleSessionName, ...(ExternalId ? { ExternalId } : {}) })
    const { Credentials } = await sts.send(command).catch((error: unknown) => {
      throw refusal(RoleArn, error)
    })
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '', Expiration = new Date(0) } = Credentials ?? {}
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
      expiration: Expiration,
    }
  }
}

/** What STS says may quote who asked, so only its code is passed on. */
function refusal(roleArn: string, error: unknown): Error {
  const isAnswer = error instanceof STSServiceException
  const code = isAnswer ? error.name : error instanceof Error && 'code' in error ? String(error.code) : 'UnknownError'
  const why = isAnswer ? (HINTS[code] ?? code) : describeError(error)
  const message = `role ${roleArn} of spec.config.assumeRole cannot be assumed: ${why}`
  return Object.assign(new Error(message), NEEDS_PERSON.has(code) ? { name: 'CredentialsProviderError' } : { code })
}
