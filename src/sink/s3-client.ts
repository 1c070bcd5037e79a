import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { SinkConfig } from '../contract/sink-config.ts'
import { type S3Authorities, TrustingAgent } from './s3-authorities.ts'
import { mountedCredentials } from './s3-credentials.ts'
import { foundCredentials } from './s3-pod-role.ts'
import { assumedRole } from './s3-role.ts'

/** Connections to S3: objects written at once (OBJECT_WRITES_AT_ONCE) times parts of one object, with some to spare for HEAD. */
export const MOST_CONNECTIONS = 64
export const CONNECT_TIMEOUT_MS = 5_000
/** No byte either way for so long: the connection is dead. S3 may need minutes for CompleteMultipartUpload, but keeps sending white space. */
export const IDLE_TIMEOUT_MS = 30_000
/** 64 MiB at 220 KB/s. */
export const REQUEST_TIMEOUT_MS = 300_000

/**
 * The AWS SDK as the store uses it: credentials, endpoints, and all operations but PutObject (s3-put.ts).
 *
 * @param credentialsDir of the mounted credentials; used where `s3.credentials` is `mounted`
 * @param authorities that the endpoint is trusted by; null: the public ones
 */
export function createClient(
  s3: SinkConfig['s3'],
  credentialsDir: string,
  authorities: S3Authorities | null = null,
): S3Client {
  const agent = { keepAlive: true, maxSockets: MOST_CONNECTIONS }
  const credentials = s3.credentials === 'mounted' ? mountedCredentials(credentialsDir) : foundCredentials()
  return new S3Client({
    region: s3.region,
    forcePathStyle: s3.forcePathStyle,
    maxAttempts: 1,
    // With the header the SDK's handler opens a connection for each large body and closes it afterwards.
    expectContinueHeader: false,
    requestHandler: new NodeHttpHandler({
      httpAgent: agent,
      httpsAgent: authorities ? new TrustingAgent(authorities, agent) : agent,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: IDLE_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    }),
    ...checksums(s3),
    ...(s3.endpoint === undefined ? {} : { endpoint: s3.endpoint }),
    credentials: s3.assumeRole ? assumedRole(s3.assumeRole, { region: s3.region, credentials }) : credentials,
  })
}

/** Servers that do not know the newer checksums send none with their answers either. */
function checksums({ requestChecksumCalculation }: SinkConfig['s3']): Partial<S3ClientConfig> {
  const mode = requestChecksumCalculation === 'when_required' ? 'WHEN_REQUIRED' : 'WHEN_SUPPORTED'
  return { requestChecksumCalculation: mode, responseChecksumValidation: mode }
}
