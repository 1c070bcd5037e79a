import { expect, test } from 'vitest'
import { literal, topicMatcher, topicPatternOf } from '../../src/contract/topic-pattern.ts'

test('an event type has the same pattern in both of its forms, and none by the name of what every object has', () => {
  const patterns = { game_telemetry: 'a.{eventName}' }
  const known = ['game_telemetry', 'game-telemetry', 'justice_event', 'toString'].map((each) =>
    topicPatternOf(each, patterns),
  )
  expect(known).toEqual(['a.{eventName}', 'a.{eventName}', undefined, undefined])
})

test('what a pattern says beside its placeholders is no regular expression, nor are realm and namespace', () => {
  const matcher = topicMatcher('a+b.{realm}.{namespace}.{eventName}', 'd.v', literal('ac*e'))
  const own = ['a+b.d.v.ac*e.login', 'a+b.d.v.ac*e.a.b']
  const others = ['aab.d.v.ac*e.login', 'a+b.dxv.ac*e.login', 'a+b.d.v.acce.login']
  expect([...own, ...others].filter((topic) => matcher.test(topic))).toEqual(own)
  expect(matcher.test('x a+b.d.v.ac*e.login')).toBe(false)
})
