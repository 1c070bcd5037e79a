import { STSServiceException } from '@aws-sdk/client-sts'
import { defaultProvider } from '@aws-sdk/credential-provider-node'
import { codeOf, NEEDS_PERSON, patientFor, TIMEOUT_MS } from './s3-role.ts'

type Provider = ReturnType<typeof defaultProvider>

/** Answers of STS to who shows the token of a service account. Source: "AssumeRoleWithWebIdentity", AWS STS API Reference. */
const HINTS: Readonly<Record<string, string>> = {
  AccessDenied: 'its trust policy must allow sts:AssumeRoleWithWebIdentity to that service account',
  InvalidIdentityTokenException: 'its account must know the cluster as an identity provider (OpenID Connect)',
}

/** The SDK's last error when the agent of EKS Pod Identity has refused: it goes on to a service that exists only elsewhere (ECS), and reports that. */
const AGENT_HAS_REFUSED = /is not a valid container metadata service hostname$/
const AGENT_HINT =
  'EKS Pod Identity gives no credentials for spec.serviceAccountName: the role of its association must trust pods.eks.amazonaws.com (sts:AssumeRole and sts:TagSession)'

/** Three attempts to ask STS, and the pauses between them. */
const MOST_MS = 40_000
const NOBODY_ANSWERS =
  'nobody answers who gives the credentials of spec.serviceAccountName (or of a profile), as the agent of EKS Pod Identity on this node'
const SILENCE =
  'STS does not answer, which gives the credentials of spec.serviceAccountName (or of a profile): it must be reachable from the sink’s pods'

/**
 * Credentials as the SDK finds them by itself: from the environment, a profile, the pod's service account or the machine. STS, which gives
 * those of a role, is another server than S3: its certificate is not checked by the authorities of `endpoint`, and its refusals are reported as its own.
 *
 * @param timeoutMs of each of the SDK's three attempts to ask STS
 * @param mostMs after which it is told that nothing came: the SDK waits for ever for others than STS, and lets all who ask wait for the same
 */
export function foundCredentials(timeoutMs = TIMEOUT_MS, mostMs = MOST_MS): Provider {
  const found = defaultProvider({ clientConfig: { requestHandler: patientFor(timeoutMs) } })
  return async (options) => {
    const asked = found(options).catch((error: unknown) => {
      throw toldOf(error)
    })
    const over = Promise.withResolvers<never>()
    const timer = setTimeout(() => over.reject(silence(NOBODY_ANSWERS)), mostMs)
    try {
      return await Promise.race([asked, over.promise])
    } finally {
      clearTimeout(timer)
    }
  }
}

/** What STS says may quote who asked, so only its code is passed on. */
function toldOf(error: unknown): unknown {
  if (error instanceof STSServiceException) {
    const code = codeOf(error)
    const hint = HINTS[code] === undefined ? '' : `: ${HINTS[code]}`
    const why = `the role of spec.serviceAccountName (or of a profile) cannot be assumed: STS says ${code}${hint}`
    return NEEDS_PERSON.has(code) ? missing(why) : Object.assign(new Error(why), { code })
  }
  // Nobody else is asked by that handler.
  if (error instanceof Error && error.name === 'TimeoutError') return silence(SILENCE)
  return error instanceof Error && AGENT_HAS_REFUSED.test(error.message) ? missing(AGENT_HINT) : error
}

function silence(why: string): Error {
  return Object.assign(new Error(why), { name: 'TimeoutError' })
}

function missing(why: string): Error {
  return Object.assign(new Error(why), { name: 'CredentialsProviderError' })
}
