import { expect, test } from 'vitest'
import { Slots } from '../../src/lib/slots.ts'

test('no more run at once than there are slots, and the others follow in order, whatever becomes of those before', async () => {
  const slots = new Slots(2)
  const begun: number[] = []
  const ends: (() => void)[] = []
  const work = (id: number) =>
    slots.run(() => {
      begun.push(id)
      return new Promise<void>((resolve, reject) => ends.push(id === 0 ? () => reject(new Error('failed')) : resolve))
    })
  const all = [0, 1, 2, 3].map(work)
  await Promise.resolve()
  expect(begun).toEqual([0, 1])
  ends[0]?.()
  await expect(all[0]).rejects.toThrow('failed')
  expect(begun).toEqual([0, 1, 2])
  ends[1]?.()
  await all[1]
  expect(begun).toEqual([0, 1, 2, 3])
  for (const end of ends) end()
  await Promise.all(all.slice(1))
})
