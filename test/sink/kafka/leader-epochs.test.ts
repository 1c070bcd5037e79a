import { describe, expect, it } from 'vitest'
import { LeaderEpochs, UNKNOWN_EPOCH } from '../../../src/sink/kafka/leader-epochs.ts'

describe('LeaderEpochs', () => {
  it('knows what was committed with the offset, and nothing of what lies before', () => {
    const epochs = new LeaderEpochs({ offset: 20n, leaderEpoch: 3 })
    expect([epochs.before(20n), epochs.before(19n)]).toEqual([3, UNKNOWN_EPOCH])
  })

  it('tells of each offset the epoch of the last record before it', () => {
    const epochs = new LeaderEpochs({ offset: 20n, leaderEpoch: 3 })
    epochs.read([{ from: 20n, epoch: 3 }])
    epochs.read([
      { from: 30n, epoch: 3 },
      { from: 35n, epoch: 5 },
    ])
    expect([30n, 35n, 36n, 90n].map((offset) => epochs.before(offset))).toEqual([3, 3, 5, 5])
  })

  it('is told of a batch that begins before the offset that was committed', () => {
    const epochs = new LeaderEpochs({ offset: 20n, leaderEpoch: UNKNOWN_EPOCH })
    epochs.read([{ from: 15n, epoch: 4 }])
    expect(epochs.before(20n)).toBe(4)
  })

  it('finds a change only between two epochs that are known', () => {
    const epochs = new LeaderEpochs({ offset: 20n, leaderEpoch: 3 })
    expect(epochs.changeAt(20n, 3)).toBeNull()
    expect(epochs.changeAt(20n, UNKNOWN_EPOCH)).toBeNull()
    expect(epochs.changeAt(20n, 4)).toEqual({ from: 19n, epoch: 3 })
    expect(epochs.changeAt(20n, 2)).toEqual({ from: 19n, epoch: 3 })
    expect(new LeaderEpochs({ offset: -1n, leaderEpoch: UNKNOWN_EPOCH }).changeAt(0n, 4)).toBeNull()
  })

  it('forgets what was read of offsets that are read again', () => {
    const epochs = new LeaderEpochs({ offset: 0n, leaderEpoch: UNKNOWN_EPOCH })
    epochs.read([
      { from: 0n, epoch: 1 },
      { from: 10n, epoch: 2 },
      { from: 20n, epoch: 3 },
    ])
    epochs.read([{ from: 10n, epoch: 4 }])
    expect([10n, 11n, 30n].map((offset) => epochs.before(offset))).toEqual([1, 4, 4])
  })

  it('knows nothing of what was passed over, and of what came before it what it knew', () => {
    const epochs = new LeaderEpochs({ offset: 20n, leaderEpoch: 3 })
    epochs.skipFrom(20n)
    expect([20n, 21n, 50n].map((offset) => epochs.before(offset))).toEqual([3, UNKNOWN_EPOCH, UNKNOWN_EPOCH])
    epochs.read([{ from: 50n, epoch: 7 }])
    expect([50n, 51n].map((offset) => epochs.before(offset))).toEqual([UNKNOWN_EPOCH, 7])
  })

  it('keeps the newest of very many', () => {
    const epochs = new LeaderEpochs({ offset: 0n, leaderEpoch: UNKNOWN_EPOCH })
    for (let epoch = 0; epoch < 1_000; epoch++) epochs.read([{ from: BigInt(epoch), epoch }])
    expect([epochs.before(1_000n), epochs.before(950n), epochs.before(10n)]).toEqual([999, 949, UNKNOWN_EPOCH])
  })
})
