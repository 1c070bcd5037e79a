import { CreateBucketCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3'
import { describe, expect, inject, it } from 'vitest'
import { isKafkaReady } from '../../stack/kafka-ready.ts'
import { connectStack } from '../../stack/remote.ts'
import { kubectl as kubectlOn } from '../../support/kubectl.ts'

const stack = connectStack(inject('stack'))

const kubectl = (...args: string[]) => kubectlOn(stack, args)

describe('the stack under test', () => {
  it('keeps what Kubernetes knows when the API server is killed and started again', async () => {
    await kubectl('create', 'configmap', 'kept', '--from-literal=a=1')
    await stack.servers.kubeApi.stop('SIGKILL')
    await expect(kubectl('get', 'configmap', 'kept')).rejects.toThrow()
    await stack.servers.kubeApi.start()
    expect(await kubectl('get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}')).toBe('1')
    await kubectl('delete', 'configmap', 'kept')
  })

  it('has Kafka back at the same address after a stop', async () => {
    await stack.servers.kafka.stop()
    await expect(isKafkaReady(stack.kafkaBootstrapServers)).rejects.toThrow()
    await stack.servers.kafka.start()
    expect(await isKafkaReady(stack.kafkaBootstrapServers)).toBe(true)
  })

  it('keeps buckets when the S3 server is killed and started again', async () => {
    const { accessKeyId, secretAccessKey, endpoint, region } = stack.s3
    const s3 = new S3Client({ credentials: { accessKeyId, secretAccessKey }, endpoint, region, forcePathStyle: true })
    await s3.send(new CreateBucketCommand({ Bucket: 'kept-by-the-stack' }))
    await stack.servers.s3.stop('SIGKILL')
    await stack.servers.s3.start()
    const { Buckets = [] } = await s3.send(new ListBucketsCommand({}))
    expect(Buckets.map((bucket) => bucket.Name)).toContain('kept-by-the-stack')
  })

  it('runs a pod of our own image and keeps its log', async () => {
    await kubectl(
      'run',
      'usage',
      `--image=${stack.image}`,
      '--image-pull-policy=Never',
      '--restart=Never',
      '--',
      '--help',
    )
    await kubectl('wait', 'pod/usage', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=30s')
    expect(await stack.podLog('default', 'usage')).toContain('Usage: analytics-connector')
    await kubectl('delete', 'pod', 'usage')
  })

  it('kills a pod’s processes, and the node starts them again', async () => {
    const image = [`--image=${stack.image}`, '--image-pull-policy=Never']
    await kubectl('run', 'sleeper', ...image, '--command', '--', 'sleep', '600')
    await kubectl('wait', 'pod/sleeper', '--for=condition=Ready', '--timeout=30s')
    await stack.killPod('default', 'sleeper')
    await kubectl(
      'wait',
      'pod/sleeper',
      '--for=jsonpath={.status.containerStatuses[0].restartCount}=1',
      '--timeout=60s',
    )
    await kubectl('delete', 'pod', 'sleeper', '--now')
  })
})
