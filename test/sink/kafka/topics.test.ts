import { describe, expect, it } from 'vitest'
import { explicitTopics, selectTopics, type TopicRule } from '../../../src/sink/kafka/topics.ts'

const existing = [
  'analytics_game_telemetry.dev.acme.gameStarted',
  'analytics_game_telemetry.dev.acme.match.ended',
  'analytics_game_telemetry.dev.acme.eu.login',
  'analytics_game_telemetry.dev.acme-eu.login',
  'analytics_game_telemetry.dev.rival.login',
  'analytics_game_telemetry.prod.acme.login',
  'analytics_game_telemetryXdev.acme.login',
  'orders',
]

function rule(
  filter: TopicRule['filter'],
  topicPattern = 'analytics_game_telemetry.{realm}.{namespace}.{eventName}',
): TopicRule {
  return { filter, topicPattern, realm: 'dev' }
}

const short = (topics: readonly string[]) => topics.map((topic) => topic.replace('analytics_game_telemetry.', ''))

describe('selectTopics', () => {
  it('takes topics by name, whatever the pattern', () => {
    expect(selectTopics(rule({ acme: ['orders'] }), existing)).toEqual({ topics: ['orders'], missing: [] })
  })

  it('tells which named topics do not exist, and takes the others', () => {
    expect(selectTopics(rule({ acme: ['nope', 'orders', 'gone'] }), existing)).toEqual({
      topics: ['orders'],
      missing: ['gone', 'nope'],
    })
  })

  it('takes every topic of a namespace of the realm, also where the rest of the name has dots', () => {
    const { topics } = selectTopics(rule({ acme: ['*'] }), existing)
    expect(short(topics)).toEqual(['dev.acme.eu.login', 'dev.acme.gameStarted', 'dev.acme.match.ended'])
  })

  it('takes a dash in a namespace for a part of it', () => {
    expect(short(selectTopics(rule({ 'acme-eu': ['*'] }), existing).topics)).toEqual(['dev.acme-eu.login'])
  })

  it('takes every topic of the realm for every namespace', () => {
    const { topics } = selectTopics(rule({ '*': ['*'] }), existing)
    expect(topics).toHaveLength(5)
    expect(topics).not.toContain('analytics_game_telemetry.prod.acme.login')
    expect(topics).not.toContain('analytics_game_telemetryXdev.acme.login')
  })

  it('names a topic for any namespace', () => {
    expect(selectTopics(rule({ '*': ['orders'] }), existing).topics).toEqual(['orders'])
  })

  it('joins what several namespaces select, each topic once', () => {
    const { topics } = selectTopics(rule({ acme: ['*', 'orders'], '*': ['orders'] }), existing)
    expect(topics).toHaveLength(4)
  })

  it('takes the one topic that a pattern without a namespace stands for', () => {
    const justice = rule({ acme: ['*'] }, 'analytics_justice_event.{realm}')
    expect(selectTopics(justice, [...existing, 'analytics_justice_event.dev']).topics).toEqual([
      'analytics_justice_event.dev',
    ])
  })

  it('finds nothing missing where a wildcard matches no topic', () => {
    expect(selectTopics(rule({ nobody: ['*'] }), existing)).toEqual({ topics: [], missing: [] })
  })
})

describe('explicitTopics', () => {
  it('lists them when there is no wildcard', () => {
    expect(explicitTopics(rule({ acme: ['b', 'a'], other: ['a'] }))).toEqual(['a', 'b'])
  })

  it('is null with a wildcard, as any topic may match', () => {
    expect(explicitTopics(rule({ acme: ['b', '*'] }))).toBeNull()
  })
})
