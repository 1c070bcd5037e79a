import { describe, expect, it } from 'vitest'
import { initialState, render } from './screen.ts'

describe('the demo screen', () => {
  const state = {
    ...initialState(),
    step: 'waiting for objects',
    done: ['game-events is Ready'],
    resource: 'NAME          READY\ngame-events   True\n',
    produced: 12_345,
    objects: Array.from({ length: 9 }, (_, i) => ({ key: `object-${i}`, sizeBytes: 2048 })),
  }

  it('shows finished steps, the running one, the resource, counts and the newest objects', () => {
    const text = render(state, 80)
    expect(text).toContain('✔ game-events is Ready')
    expect(text).toContain('… waiting for objects')
    expect(text).toContain('game-events   True')
    expect(text).toContain('events produced 12,345')
    expect(text).toContain('  2.0 KiB  object-8')
    expect(text).not.toContain('object-2')
  })

  it('never writes a line that the terminal would wrap', () => {
    const lines = render({ ...state, sampleLine: 'x'.repeat(500) }, 40).split('\n')
    expect(Math.max(...lines.map((line) => line.length))).toBe(40)
  })

  it('shortens a long key at its front, where keys are alike', () => {
    const key = `${'folder/'.repeat(20)}topic-00001-00000000000000000042.json`
    const text = render({ ...state, objects: [{ key, sizeBytes: 1024 }] }, 60)
    expect(text).toMatch(/1\.0 KiB {2}….*topic-00001-00000000000000000042\.json$/m)
  })
})
