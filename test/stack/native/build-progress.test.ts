import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BuildProgress, clock, remainingMs, timeShare } from './build-progress.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('BuildProgress', () => {
  it('reports downloads first, then compiled packages with an estimate, then the link', () => {
    const lines: string[] = []
    const progress = new BuildProgress('Tool', 4, 40, (line) => lines.push(line))
    progress.read('go: downloading example.org/a v1.0.0')
    vi.advanceTimersByTime(10_000)
    progress.read('internal/abi')
    progress.read('example.org/a')
    progress.read('# a warning of the compiler')
    vi.advanceTimersByTime(10_000)
    progress.read('example.org/b/v2')
    progress.read('tool')
    vi.advanceTimersByTime(10_000)
    progress.end()
    vi.advanceTimersByTime(60_000)
    expect(lines.slice(1)).toEqual([
      'Tool: 1 modules downloaded, 0:10 elapsed',
      'Tool: 2 of 4 packages compiled, 0:20 elapsed, about 0:28 to go',
      'Tool: 4 of 4 packages compiled, 0:30 elapsed, linking, some seconds to go',
    ])
  })
})

describe('timeShare', () => {
  it('goes from nothing to nearly all, and is behind the packages: the large ones come late', () => {
    expect([0, 0.1, 0.5, 0.65, 1].map((share) => Number(timeShare(share).toFixed(2)))).toEqual([
      0, 0.04, 0.31, 0.43, 0.95,
    ])
  })
})

describe('remainingMs', () => {
  it('begins with the usual time and ends with what was seen', () => {
    expect(remainingMs(0, 0, 100)).toBe(100)
    expect(remainingMs(0.5, 100, 100)).toBe(50)
    expect(remainingMs(1, 300, 100)).toBe(0)
  })

  it('is never negative, however long it takes', () => {
    expect(remainingMs(0.1, 10_000, 100)).toBeGreaterThanOrEqual(0)
  })
})

describe('clock', () => {
  it('shows minutes and seconds', () => {
    expect([0, 59_400, 187_000].map(clock)).toEqual(['0:00', '0:59', '3:07'])
  })
})
