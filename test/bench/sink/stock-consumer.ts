/** What one writes first: kafkajs's consumer, lines appended to a body for each partition, node:zlib, PutObject, commit. At least once. */
import { promisify } from 'node:util'
import { constants, gzip, zstdCompress } from 'node:zlib'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { GZIP_LEVEL, ZSTD_LEVEL } from '../../../src/sink/encode/compress.ts'
import { kafkaClient } from '../../support/game-events.ts'
import { onlyTopic, reportProgress, type Task } from './reference.ts'

const LINES = 10_000
const LINE_END = Buffer.from('\n')
/** At the sink's levels. */
const encoders = {
  none: async (lines: Buffer) => lines,
  gzip: (lines: Buffer) => promisify(gzip)(lines, { level: GZIP_LEVEL }),
  zstd: (lines: Buffer) =>
    promisify(zstdCompress)(lines, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } }),
}

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
      const Body = await encoders[config.compression](Buffer.concat(body))
      await s3.send(new PutObjectCommand({ Bucket, Key, Body }))
      progress.done += body.length / 2
    }
  },
})
