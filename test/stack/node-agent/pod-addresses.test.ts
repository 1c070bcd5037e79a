import { expect, test } from 'vitest'
import { PodAddresses } from './pod-addresses.ts'

test('a freed address is not given away again before all others had their turn', () => {
  const addresses = new PodAddresses('127.83.12')
  expect(addresses.take()).toBe('127.83.12.2')
  addresses.free('127.83.12.2')
  expect(addresses.take()).toBe('127.83.12.3')
  for (let taken = 4; taken <= 254; taken += 1) addresses.take()
  expect(addresses.take()).toBe('127.83.12.2')
  expect(() => addresses.take()).toThrow('no free pod address in 127.83.12.0/24')
})

test('a pod keeps the address it has, unless that is taken or of another network', () => {
  const addresses = new PodAddresses('127.83.12')
  expect(addresses.take('127.83.12.9')).toBe('127.83.12.9')
  expect(addresses.take('127.83.12.9')).toBe('127.83.12.2')
  expect(addresses.take('127.83.120.7')).toBe('127.83.12.3')
})
