import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { createLogger } from '../../src/lib/logger.ts'
import { KafkaCluster } from '../../src/sink/kafka/cluster.ts'
import type { ApiCall } from '../../src/sink/kafka/protocol.ts'
import type { RecordSource } from '../../src/sink/record-source.ts'
import type { RecordingHandler } from '../support/recording-listener.ts'
import {
  bootstrapServers,
  createTopic,
  kafka,
  member,
  newGroup,
  onKafka,
  produce,
  within,
} from './kafka-source/members.ts'

/*
 * What a real broker makes of record batches. It writes a topic in the topic's own `compression.type`, with the code of the
 * Java client: so its codecs are read as Java producers write them.
 */

const { requests } = createRequire(import.meta.url)('kafkajs/src/protocol/requests') as {
  requests: Record<'Produce', { protocol(options: { version: number }): (parameters: object) => ApiCall<object> }>
}

onKafka()

/** A group of its own reads the topic from its beginning. */
async function read(topic: string): Promise<{ handler: RecordingHandler; source: RecordSource }> {
  const { source, listener } = member(newGroup(), [topic])
  const isAssigned = () => listener.held[0] ?? expect.fail(`nothing assigned; problems: ${listener.problems}`)
  return { handler: await within(isAssigned), source }
}

/** Past kafkajs's producer, which needs minutes to sort so many records by partition. */
async function sendAsOneBatch(topic: string, count: number): Promise<void> {
  const messages = Array.from({ length: count }, (_, i) => ({ value: String(i), timestamp: Date.now(), headers: {} }))
  const topicData = [{ topic, partitions: [{ partition: 0, firstSequence: 0, messages }] }]
  const { request, response } = requests.Produce.protocol({ version: 7 })({ acks: -1, timeout: 30_000, topicData })
  const settings = { clientId: 'batches', connectTimeoutMs: 5_000, requestTimeoutMs: 30_000 }
  const cluster = new KafkaCluster(bootstrapServers, { ...settings, logger: createLogger('silent') })
  try {
    await cluster.sendToAny({ parameters: {}, request, response, logResponseError: false })
  } finally {
    cluster.close()
  }
}

describe('record batches of a real broker', () => {
  it.each(['gzip', 'snappy', 'lz4', 'zstd'])('compressed with %s by Java are read', async (codec) => {
    const topic = await createTopic(codec, 1, { 'compression.type': codec })
    // More than the 64 KiB blocks of lz4 and the 32 KiB ones of snappy-java; some of it does not compress.
    const values = Array.from({ length: 300 }, (_, i) => `${i} ${'abcdefgh'.repeat(60)}${Math.random()}`)
    await produce(topic, values)
    const { handler } = await read(topic)
    await within(() => expect(handler.values).toEqual(values))
  })

  it('are read to the end though one has more records than kafkajs can take', async () => {
    const topic = await createTopic('long', 1, { 'max.message.bytes': '10000000' })
    const count = 130_000
    await sendAsOneBatch(topic, count)
    const { handler } = await read(topic)
    await within(() => expect(handler.position).toBe(BigInt(count)))
    expect([handler.values.length, handler.values[0], handler.values.at(-1)]).toEqual([count, '0', String(count - 1)])
  })

  it('are left out where aborted transactions overlap, whichever ended first', async () => {
    const topic = await createTopic('aborted')
    const producers = ['a', 'b'].map((id) =>
      kafka.producer({ transactionalId: `${topic}.${id}`, maxInFlightRequests: 1 }),
    )
    const transaction = async (i: number) => (await producers[i]?.transaction()) ?? expect.fail(`no producer ${i}`)
    try {
      await Promise.all(producers.map((each) => each.connect()))
      const first = await transaction(0)
      await first.send({ topic, messages: [{ value: 'aborted last' }] })
      const second = await transaction(1)
      await second.send({ topic, messages: [{ value: 'aborted first' }] })
      await second.abort()
      // A producer's next transaction begins only when the marker of the one before is written.
      const third = await transaction(1)
      await third.send({ topic, messages: [{ value: 'committed' }] })
      await third.commit()
      await first.abort()
      await produce(topic, ['kept'])
      const { handler } = await read(topic)
      await within(() => expect(handler.values).toContain('kept'))
      expect(handler.values).toEqual(['committed', 'kept'])
    } finally {
      await Promise.all(producers.map((each) => each.disconnect()))
    }
  })

  it('wait while a transaction is open: they are lag, and nothing that could be read', async () => {
    const topic = await createTopic('open')
    const transactional = kafka.producer({ transactionalId: topic, maxInFlightRequests: 1 })
    try {
      await transactional.connect()
      await produce(topic, ['before'])
      const open = await transactional.transaction()
      await open.send({ topic, messages: [{ value: 'in it' }] })
      await produce(topic, ['behind'])
      const { handler, source } = await read(topic)
      await within(() => expect([handler.values, source.lag(), source.readable()]).toEqual([['before'], 2, 0]))
      await open.commit()
      await within(() => expect([handler.values.length, source.lag(), source.readable()]).toEqual([3, 0, 0]))
    } finally {
      await transactional.disconnect()
    }
  })

  it('have gaps after compaction, and the position moves past them', async () => {
    const topic = await createTopic('compacted', 1, {
      'cleanup.policy': 'compact',
      'min.cleanable.dirty.ratio': '0.01',
      'segment.ms': '100',
      'delete.retention.ms': '100',
    })
    for (let i = 0; i < 6; i++)
      await produce(
        topic,
        [1, 2, 3].map((n) => ({ key: `k${i % 2}`, value: `${i}.${n}` })),
      )
    await within(async () => {
      await produce(topic, [{ key: 'last', value: 'last' }])
      const { handler } = await read(topic)
      await within(() => expect(handler.values).toContain('last'))
      expect(handler.values.slice(0, 2)).toEqual(['4.3', '5.3'])
    })
  })
})
