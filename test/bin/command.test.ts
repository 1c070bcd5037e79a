import { describe, expect, test } from 'vitest'
import { FlagError, parseBoolean, parseFlags, parseLogLevel, parsePort, parseSeconds } from '../../src/bin/command.ts'

describe('flags', () => {
  test('a port is a number up to 65535, 0 for any', () => {
    expect([parsePort('--port', '0'), parsePort('--port', '65535')]).toEqual([0, 65_535])
    for (const text of ['65536', '-1', '80a', '', '1e3']) {
      expect(() => parsePort('--port', text)).toThrow(new FlagError(`--port must be 0 to 65535, not "${text}"`))
    }
  })

  test('seconds are given with or without their unit, and come as milliseconds', () => {
    expect(['25', '25s', '0.5s'].map((text) => parseSeconds('--t', text))).toEqual([25_000, 25_000, 500])
    for (const text of ['25m', 's', '-1', '', 'soon']) expect(() => parseSeconds('--t', text)).toThrow(`not "${text}"`)
  })

  test('a yes or no is spelled out', () => {
    expect([parseBoolean('--b', 'true'), parseBoolean('--b', 'false')]).toEqual([true, false])
    expect(() => parseBoolean('--b', 'yes')).toThrow('--b must be true or false, not "yes"')
  })

  test('a log level is one that the logger knows', () => {
    expect(parseLogLevel('--log-level', 'warn')).toBe('warn')
    expect(() => parseLogLevel('--log-level', 'verbose')).toThrow(
      'one of trace, debug, info, warn, error, fatal, silent',
    )
  })

  test('a flag that does not exist is named', () => {
    expect(() => parseFlags({ args: ['--prot', '1'], options: { port: { type: 'string' } } })).toThrow(/--prot/)
    expect(() => parseFlags({ args: ['--prot'], options: {} })).toThrow(FlagError)
  })
})
