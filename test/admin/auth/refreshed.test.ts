import { expect, it } from 'vitest'
import { Refreshed } from '../../../src/admin/auth/refreshed.ts'
import { FakeClock, settled } from '../../support/fake-clock.ts'

function refreshed(answers: (string | Error)[]) {
  const clock = new FakeClock()
  const errors: unknown[] = []
  let asked = 0
  const value = new Refreshed<string>({
    load: async () => {
      const answer = answers[asked++]
      if (answer === undefined) throw new Error('asked too often')
      if (answer instanceof Error) throw answer
      return answer
    },
    freshMs: 1_000,
    staleMs: 10_000,
    retryMs: 500,
    clock,
    onError: (error) => errors.push(error),
  })
  return { value, clock, errors, asked: () => asked }
}

/** Each attempt is answered by the test, when it likes. */
function answeredByHand() {
  const clock = new FakeClock()
  const answers: PromiseWithResolvers<string>[] = []
  const load = () => {
    const answer = Promise.withResolvers<string>()
    answers.push(answer)
    return answer.promise
  }
  const value = new Refreshed<string>({ load, freshMs: 1_000, staleMs: 10_000, retryMs: 500, clock, onError: () => {} })
  return { value, clock, answers }
}

it('asks once for many who want it at the same time, and not again while it is fresh', async () => {
  const { value, clock, asked } = refreshed(['one'])
  expect(await Promise.all([value.get(), value.get(), value.get()])).toEqual(['one', 'one', 'one'])
  await clock.advance(1_000)
  expect(await value.get()).toBe('one')
  expect(asked()).toBe(1)
})

it('answers with the old value while it asks for a new one, if that one is not much too old', async () => {
  const { value, clock, asked } = refreshed(['one', 'two', 'three'])
  await value.get()
  await clock.advance(1_500)
  expect(await value.get()).toBe('one')
  await clock.advance(0)
  expect(await value.get()).toBe('two')
  await clock.advance(5_000)
  expect(await value.get()).toBe('three')
  expect(asked()).toBe(3)
})

it('goes on with the old value while none can be had, for a time', async () => {
  const broken = () => new Error('no answer')
  const { value, clock, errors, asked } = refreshed(['one', broken(), broken(), broken(), 'two'])
  await value.get()
  await clock.advance(5_000)
  expect(await value.get()).toBe('one')
  expect(await value.get()).toBe('one')
  expect(asked()).toBe(2)
  expect(errors).toHaveLength(1)
  await clock.advance(4_000)
  expect(await value.get()).toBe('one')
  await clock.advance(2_000)
  await expect(value.get()).rejects.toThrow('no answer')
  await clock.advance(500)
  expect(await value.get()).toBe('two')
})

it('waits once for a service that takes its time to fail, not again for everybody who asks meanwhile', async () => {
  const { value, clock, answers } = answeredByHand()
  const answered = () => Promise.race([value.get(), settled().then(() => 'nothing yet')])
  const first = value.get()
  answers[0]?.resolve('one')
  expect(await first).toBe('one')
  await clock.advance(3_000)
  expect(await answered()).toBe('nothing yet')
  await clock.advance(1_000)
  answers[1]?.reject(new Error('no answer'))
  await settled()
  expect(await answered()).toBe('one')
  expect(answers).toHaveLength(3)
  await clock.advance(3_000)
  expect(await answered()).toBe('nothing yet')
  answers[3]?.resolve('two')
  expect(await value.get()).toBe('two')
})

it('rejects with the reason while it never had a value, and asks at most so often', async () => {
  const { value, clock, asked } = refreshed([new Error('no answer'), 'one'])
  await expect(value.get()).rejects.toThrow('no answer')
  await expect(value.get()).rejects.toThrow('no answer')
  expect(asked()).toBe(1)
  await clock.advance(500)
  expect(await value.get()).toBe('one')
})

it('tells each who waits why its own attempt has failed, also while another one is under way', async () => {
  const { value, clock, answers } = answeredByHand()
  const first = value.get()
  await clock.advance(600)
  const second = value.get()
  answers[0]?.reject(new Error('no answer'))
  await expect(first).rejects.toMatchObject({ message: 'no answer' })
  answers[1]?.resolve('one')
  expect(await second).toBe('one')
})

it('gives what it has waited for, also when that took longer than a value is used', async () => {
  const clock = new FakeClock()
  const answer = Promise.withResolvers<string>()
  const options = { freshMs: 5_000, staleMs: 5_000, retryMs: 1_000, clock, onError: () => {} }
  const value = new Refreshed<string>({ ...options, load: () => answer.promise })
  const waiting = value.get()
  await clock.advance(5_300)
  answer.resolve('late')
  expect(await waiting).toBe('late')
})

it('can be told to ask, but not more often', async () => {
  const { value, clock } = refreshed(['one', 'two'])
  expect(await value.refresh()).toBe('one')
  expect(await value.refresh()).toBe('one')
  await clock.advance(500)
  expect(await value.refresh()).toBe('two')
})

it('says that it could not ask when it is told to: what it has is no answer to that', async () => {
  const { value, clock } = refreshed(['one', new Error('no answer'), 'two'])
  await value.get()
  await clock.advance(500)
  await expect(value.refresh()).rejects.toThrow('no answer')
  expect(await value.get()).toBe('one')
  await clock.advance(500)
  expect(await value.refresh()).toBe('two')
})

it('keeps what was put in against an answer to an older question', async () => {
  const clock = new FakeClock()
  const answer = Promise.withResolvers<string>()
  const options = { freshMs: 1_000, staleMs: 10_000, retryMs: 0, clock, onError: () => {} }
  const value = new Refreshed<string>({ ...options, load: () => answer.promise })
  const waiting = value.get()
  await clock.advance(10)
  value.set('written')
  answer.resolve('read before')
  expect(await waiting).toBe('written')
})

it('is as old as time has passed, also when the machine’s clock is set back', async () => {
  const { value, clock, asked } = refreshed(['one', 'two'])
  await value.get()
  clock.set(-3_600_000)
  await clock.advance(5_000)
  expect(await value.get()).toBe('two')
  expect(asked()).toBe(2)
})
