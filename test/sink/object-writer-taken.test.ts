import pino from 'pino'
import { beforeEach, describe, expect, test } from 'vitest'
import { BodyEncoder } from '../../src/sink/encode/body-encoder.ts'
import { ObjectWriter } from '../../src/sink/object-writer.ts'
import { compilePlan } from '../../src/sink/plan.ts'
import { RecordSet, type SetObject } from '../../src/sink/set.ts'
import { SlabPool } from '../../src/sink/slab-pool.ts'
import { FakeBucket } from '../support/fake-bucket.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { ScriptedPartition, TOPIC } from '../support/scripted-source.ts'
import { event, sinkConfig } from '../support/sink-process.ts'

const listener = { objectCreated: () => {}, problem: () => {} }

let bucket: FakeBucket

beforeEach(() => {
  bucket = new FakeBucket()
})

/** Writes a set of one record. */
function write(isPartial = false): Promise<SetObject[]> {
  const set = new RecordSet(compilePlan(sinkConfig()), TOPIC, 0, 0n, new SlabPool(0))
  for (const record of new ScriptedPartition().append(event(0)).records) set.add(record, 0)
  const parts = { encoder: new BodyEncoder(), clock: new FakeClock(), logger: pino({ enabled: false }) }
  const writer = new ObjectWriter({ ...parts, store: bucket.store(), connector: 'games/game-events' })
  return writer.write({ set, objects: set.objects(), isPartial }, new AbortController().signal, listener)
}

/** The name is taken by the same, but for one field of its metadata. */
async function takenBut(field: string): Promise<void> {
  await write()
  const [key = ''] = bucket.keys
  const { body = '', metadata = {} } = bucket.objects.get(key) ?? {}
  bucket.put(key, body, { ...metadata, [field]: 'other' })
}

describe('an object that is there is not ours', () => {
  test.each(['connector', 'topic', 'partition', 'start-offset', 'end-offset', 'records', 'bytes', 'crc32'])(
    'where its %s is another',
    async (field) => {
      await takenBut(field)
      await expect(write()).rejects.toThrow(`is not this set's: ${field} is other, not `)
    },
  )

  test.each(['connector', 'topic', 'partition', 'start-offset', 'end-offset', 'revision'])(
    'where its %s is another, also when some of its records have expired',
    async (field) => {
      await takenBut(field)
      await expect(write(true)).rejects.toThrow(`is not this set's: ${field} is other, not `)
    },
  )

  test('where its body is of another size', async () => {
    await write()
    const [key = ''] = bucket.keys
    bucket.put(key, 'cut', bucket.objects.get(key)?.metadata)
    await expect(write()).rejects.toThrow(/is not this set's: size is 3, not \d+/)
  })
})

test.each(['records', 'bytes', 'crc32'])(
  'one that has more of a set of which some has expired is ours, though its %s is another',
  async (field) => {
    await takenBut(field)
    expect(await write(true)).toHaveLength(1)
  },
)
