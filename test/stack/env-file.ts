import { stringify } from 'yaml'
import type { StackAddresses } from './stack.ts'

/** The variables by which kubectl, Kafka and S3 clients find the servers. */
export function environment(stack: StackAddresses): Record<string, string> {
  return {
    KUBECONFIG: stack.kubeconfigPath,
    KAFKA_BOOTSTRAP_SERVERS: stack.kafkaBootstrapServers,
    S3_ENDPOINT: stack.s3.endpoint,
    AWS_ACCESS_KEY_ID: stack.s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: stack.s3.secretAccessKey,
    AWS_REGION: stack.s3.region,
  }
}

/** The same as lines for a shell to source: `. .stack/env`. */
export function environmentFile(stack: StackAddresses): string {
  const lines = Object.entries(environment(stack)).map(([name, value]) => `export ${name}=${quote(value)}`)
  if (stack.pathAdditions.length > 0) lines.push(`export PATH=${quote(stack.pathAdditions.join(':'))}:"$PATH"`)
  return `${lines.join('\n')}\n`
}

/** The configuration with which `npm run operator` serves these servers. */
export function operatorConfiguration(stack: StackAddresses): string {
  return stringify({
    realm: 'dev',
    sinkImage: stack.image,
    kafka: { bootstrapServers: stack.inPod.kafkaBootstrapServers.split(',') },
  })
}

/** The configuration with which `npm run admin` serves the REST API over these servers, with a token issuer of its own. */
export function adminConfiguration(stack: StackAddresses): string {
  return stringify({
    realm: 'dev',
    kafka: { bootstrapServers: stack.kafkaBootstrapServers.split(',') },
    roleArn: 'arn:aws:iam::123456789012:role/connector',
    auth: { builtIn: {} },
    // Nothing balances between replicas here.
    shutdownDelaySeconds: 0,
  })
}

/** One word for a POSIX shell, whatever it holds. */
function quote(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
