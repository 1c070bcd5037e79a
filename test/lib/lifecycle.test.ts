import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { abortOnSignals, whenAborted } from '../../src/lib/lifecycle.ts'

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
