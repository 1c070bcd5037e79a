import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'

/** Where objects of a bucket are put, and how such a request is signed. */
export interface S3Target {
  readonly isTls: boolean
  /** With the port where that is not the usual one: the header. */
  readonly host: string
  /** What comes before the key: `/`, or `/<bucket>/` in path style. */
  readonly basePath: string
  /** Region of the signature. */
  readonly region: string
}

/** As much of the SDK's request as tells where it goes. */
interface BuiltRequest {
  readonly protocol: string
  readonly hostname: string
  readonly port?: number
  readonly path: string
}

/**
 * Asks the SDK where it would send a PutObject: it knows every partition, region and style of AWS. Nothing is sent.
 *
 * @throws what the SDK throws, as for missing credentials
 */
export async function targetOf(client: S3Client, bucketName: string): Promise<S3Target> {
  const command = new PutObjectCommand({ Bucket: bucketName, Key: 'k' })
  const built = Promise.withResolvers<S3Target>()
  command.middlewareStack.add(
    (_next, { endpointV2 }) =>
      async ({ request }) => {
        const { protocol, hostname, port, path } = request as BuiltRequest
        const [scheme] = (endpointV2?.properties?.authSchemes ?? []) as { signingRegion?: string }[]
        built.resolve({
          isTls: protocol === 'https:',
          host: port === undefined ? hostname : `${hostname}:${port}`,
          basePath: path.slice(0, -'k'.length),
          region: scheme?.signingRegion ?? (await client.config.region()),
        })
        return { output: { $metadata: {} }, response: {} }
      },
    { step: 'build', priority: 'low', name: 'targetOf' },
  )
  await client.send(command)
  return built.promise
}
