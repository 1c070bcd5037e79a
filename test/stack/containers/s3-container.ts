import { GenericContainer, type StartedNetwork, type StartedTestContainer, Wait } from 'testcontainers'
import { freePorts } from '../native/free-ports.ts'

const image = 'versity/versitygw:v1.8.0'
export const s3Port = 7070

/** Starts versitygw with its objects in the container. */
export async function startS3(
  network: StartedNetwork,
  root: { readonly accessKeyId: string; readonly secretAccessKey: string },
): Promise<StartedTestContainer> {
  const [port = 0] = await freePorts(1)
  return new GenericContainer(image)
    .withNetwork(network)
    .withExposedPorts({ container: s3Port, host: port })
    .withEnvironment({ ROOT_ACCESS_KEY: root.accessKeyId, ROOT_SECRET_KEY: root.secretAccessKey })
    .withCopyContentToContainer(
      // The folders must be there; files in them are no buckets.
      ['buckets', 'iam', 'versions'].map((folder) => ({ content: '', target: `/stack/${folder}/.keep` })),
    )
    .withCommand([
      ...['--port', `:${s3Port}`, '--quiet', '--iam-dir', '/stack/iam'],
      ...['posix', '--versioning-dir', '/stack/versions', '/stack/buckets'],
    ])
    .withWaitStrategy(Wait.forListeningPorts())
    .start()
}

/** How this machine reaches the S3 server. */
export function s3Endpoint(s3: StartedTestContainer): string {
  return `http://${s3.getHost()}:${s3.getMappedPort(s3Port)}`
}
