import { describe, expect, it } from 'vitest'
import { Problems } from '../../../src/sink/kafka/problems.ts'

function problems(): { told: (string | null)[]; problems: Problems } {
  const told: (string | null)[] = []
  return { told, problems: new Problems((line) => told.push(line)) }
}

describe('Problems', () => {
  it('says nothing as long as nothing was wrong', () => {
    const { told, problems: p } = problems()
    p.clear('group')
    p.clearAll('fetch ')
    expect(told).toEqual([])
  })

  it('tells a problem once, however often it is met', () => {
    const { told, problems: p } = problems()
    p.set('group', 'cannot join')
    p.set('group', 'cannot join')
    expect(told).toEqual(['cannot join'])
  })

  it('says null when the last one is over', () => {
    const { told, problems: p } = problems()
    p.set('a', 'one')
    p.set('b', 'two')
    p.clear('a')
    p.clear('b')
    expect(told).toEqual(['one', 'one (and 1 more)', 'two', null])
  })

  it('counts two concerns with the same line as one', () => {
    const { told, problems: p } = problems()
    p.set('fetch 1', 'cannot reach kafka:9092')
    p.set('heartbeat', 'cannot reach kafka:9092')
    expect(told).toEqual(['cannot reach kafka:9092'])
  })

  it('clears a kind of concerns, but those to keep', () => {
    const { told, problems: p } = problems()
    p.set('topic a', 'a is missing')
    p.set('topic b', 'b is missing')
    p.clearAll('topic ', new Set(['topic b']))
    expect(told.at(-1)).toBe('b is missing')
  })
})
