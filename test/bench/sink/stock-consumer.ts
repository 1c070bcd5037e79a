/** What one writes first: kafkajs's consumer, lines appended to a body for each partition, PutObject, commit. At least once. */
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { kafkaClient } from '../../support/game-events.ts'
import { onlyTopic, reportProgress, type Task } from './reference.ts'

const LINES = 10_000
const LINE_END = Buffer.from('\n')

const { config } = JSON.parse(process.argv[2] ?? '') as Task
const { region, endpoint = '', forcePathStyle, bucketName: Bucket } = config.s3
const progress = reportProgress()
const s3 = new S3Client({ region, endpoint, forcePathStyle })
const bodies = new Map<number, Buffer[]>()

const consumer = kafkaClient(config.kafka.bootstrapServers.join(',')).consumer({ groupId: config.kafka.groupId })
await consumer.connect()
await consumer.subscribe({ topics: [onlyTopic(config)], fromBeginning: true })
await consumer.run({
  partitionsConsumedConcurrently: 4,
  eachBatch: async ({ batch, isRunning }) => {
    const body = bodies.get(batch.partition) ?? []
    for (const { value } of batch.messages) {
      if (value) body.push(value, LINE_END)
      progress.read++
    }
    bodies.set(batch.partition, body)
    const isLast = BigInt(batch.lastOffset()) + 1n === BigInt(batch.highWatermark)
    if (isRunning() && (isLast || body.length >= LINES * 2)) {
      bodies.delete(batch.partition)
      const Key = `stock/${batch.partition}/${batch.lastOffset()}.json`
      await s3.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.concat(body) }))
      progress.done += body.length / 2
    }
  },
})
