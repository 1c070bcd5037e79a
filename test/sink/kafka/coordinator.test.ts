import { beforeEach, expect, it } from 'vitest'
import { Coordinator } from '../../../src/sink/kafka/coordinator.ts'
import type { ApiCall } from '../../../src/sink/kafka/protocol.ts'

/** The brokers that are named as the coordinator, one after the other; a number is refused with. */
let found: (string | number)[]
let opened: string[]
let coordinator: Coordinator

beforeEach(() => {
  found = ['a', 'b']
  opened = []
  const send = async <R>(_: ApiCall<R>): Promise<R> => {
    const next = found.shift()
    return (
      typeof next === 'number' ? { errorCode: next } : { errorCode: 0, coordinator: { host: next, port: 9092 } }
    ) as R
  }
  const connectionTo = async ({ host, port }: { host: string; port: number }, purpose: string) => {
    opened.push(`${purpose} ${host}:${port}`)
    return { send }
  }
  coordinator = new Coordinator({ connectionTo, sendToAny: send }, 'g')
})

it('is looked up once, and again when it was forgotten', async () => {
  await coordinator.connection('group')
  await coordinator.connection('data')
  coordinator.forget()
  await coordinator.connection('group')
  expect(opened).toEqual(['group a:9092', 'data a:9092', 'group b:9092'])
})

it('that cannot be found is looked up by the next call', async () => {
  found = [15, 'a']
  await expect(coordinator.connection('group')).rejects.toThrow('Kafka group g: cannot find the coordinator')
  await coordinator.connection('group')
  expect(opened).toEqual(['group a:9092'])
})
