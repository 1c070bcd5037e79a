import { describe, expect, it } from 'vitest'
import { decodeFetchResponse } from '../../../src/sink/kafka/fetch-response.ts'
import { bytes } from '../../support/wire.ts'

const header = bytes([32, 15], [16, 0], [32, 0])

describe('decodeFetchResponse', () => {
  it('keeps the records of a partition whose neighbour has an error', () => {
    const failed = bytes([32, 0], [16, 6], [64, -1], [64, -1], [64, -1], [32, 0], [32, -1], [32, 0])
    const good = bytes([32, 1], [16, 0], [64, 42], [64, 40], [64, 0], [32, -1], [32, -1], [32, 3], Buffer.from('abc'))
    const response = decodeFetchResponse(bytes(header, [32, 1], 'orders', [32, 2], failed, good))
    expect(response.clientSideThrottleTime).toBe(15)
    expect(response.partitions).toEqual([
      {
        topic: 'orders',
        partition: 0,
        errorCode: 6,
        highWatermark: -1n,
        lastStableOffset: -1n,
        abortedTransactions: [],
        data: Buffer.alloc(0),
      },
      {
        topic: 'orders',
        partition: 1,
        errorCode: 0,
        highWatermark: 42n,
        lastStableOffset: 40n,
        abortedTransactions: [],
        data: Buffer.from('abc'),
      },
    ])
  })

  it('reads aborted transactions, and topics after them', () => {
    const aborted = bytes([32, 1], [64, 7], [64, 100])
    const first = bytes([32, 0], [16, 0], [64, 9], [64, 9], [64, 0], aborted, [32, -1], [32, -1])
    const second = bytes([32, 5], [16, 0], [64, 1], [64, 1], [64, 0], [32, 0], [32, -1], [32, 0])
    const { partitions } = decodeFetchResponse(bytes(header, [32, 2], 'a', [32, 1], first, 'b', [32, 1], second))
    expect(partitions[0]?.abortedTransactions).toEqual([{ producerId: 7n, firstOffset: 100n }])
    expect(partitions[1]).toMatchObject({ topic: 'b', partition: 5, highWatermark: 1n })
  })
})
