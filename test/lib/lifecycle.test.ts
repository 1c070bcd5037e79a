import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { abortOnSignals, exitUntilHeard, whenAborted } from '../../src/lib/lifecycle.ts'

test('the first signal asks for a graceful end, a second one of either kind ends at once', () => {
  const process = new EventEmitter()
  const exits: number[] = []
  const shutdown = abortOnSignals(process, (code) => exits.push(code))
  expect(shutdown.aborted).toBe(false)
  process.emit('SIGTERM')
  expect([shutdown.aborted, shutdown.reason, exits]).toEqual([true, 'SIGTERM', []])
  process.emit('SIGINT')
  process.emit('SIGTERM')
  expect(exits).toEqual([130, 143])
})

test("until a command listens a signal ends the process, and then it is the command's", () => {
  const process = new EventEmitter()
  const exits: number[] = []
  exitUntilHeard(process, (code) => exits.push(code))
  process.emit('SIGTERM')
  process.emit('SIGINT')
  expect(exits).toEqual([143, 130])
  const shutdown = abortOnSignals(process, (code) => exits.push(code))
  process.emit('SIGTERM')
  expect([shutdown.aborted, exits]).toEqual([true, [143, 130]])
})

test('waiting for an abort ends with it, and at once where it has been', async () => {
  const controller = new AbortController()
  let over = false
  const waiting = whenAborted(controller.signal).then(() => {
    over = true
  })
  await Promise.resolve()
  expect(over).toBe(false)
  controller.abort()
  await waiting
  await whenAborted(controller.signal)
})
