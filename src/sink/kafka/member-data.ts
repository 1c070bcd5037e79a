import * as z from 'zod'
import type { TopicPartitions } from './assignment.ts'

/*
 * What a member says of itself beside its topics, in the consumer protocol's `userData`: version int16, then JSON. The generation
 * in which it was given what it owns makes the data of every join different, without which the coordinator would
 * answer a member that joins again with the generation that there is.
 */
const VERSION = 2
const VERSION_BYTES = 2

const dataSchema = z.object({
  generation: z.int(),
  owned: z.record(z.string(), z.array(z.int().nonnegative())),
})

export function encodeOwned(generation: number, owned: readonly TopicPartitions[]): Buffer {
  const version = Buffer.alloc(VERSION_BYTES)
  version.writeInt16BE(VERSION)
  const data = { generation, owned: Object.fromEntries(owned.map(({ topic, partitions }) => [topic, partitions])) }
  return Buffer.concat([version, Buffer.from(JSON.stringify(data))])
}

/** @throws Error for data of another version: who leads must not guess what others hold */
export function decodeOwned(userData: Buffer | null): TopicPartitions[] {
  const version = userData && userData.length >= VERSION_BYTES ? userData.readInt16BE(0) : null
  if (userData === null || version !== VERSION)
    throw new Error(`a member's data have version ${version}, not ${VERSION}`)
  const { owned } = dataSchema.parse(JSON.parse(userData.toString('utf8', VERSION_BYTES)))
  return Object.entries(owned).map(([topic, partitions]) => ({ topic, partitions }))
}
