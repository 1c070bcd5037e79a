import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { revisionOf } from '../../src/contract/sink-config.ts'
import { compilePlan } from '../../src/sink/plan.ts'
import { readRevision } from '../../src/sink/revisions.ts'
import { sourceRecord } from '../support/source-records.ts'

/**
 * What earlier versions wrote and later ones have to read, as after an upgrade a sink finishes what one of the version before
 * began. A release adds the files of its version for the fields that are new in it; nothing here is ever changed.
 */
const RECORDED = join(import.meta.dirname, 'recorded-revisions')

const EVENT = {
  id: '1',
  EventNamespace: 'acme',
  EventName: 'login',
  namespace: 'acme',
  name: 'login',
  timestamp: '2026-03-01T11:59:59Z',
}
const record = sourceRecord({
  offset: 7n,
  timestampMs: Date.parse('2026-03-01T12:34:56Z'),
  value: Buffer.from(JSON.stringify(EVENT)),
})
const start = { topic: 'analytics_game_telemetry.dev.acme.login', partition: 3, startOffset: 7n }
const DEFAULT_KEY =
  'game_telemetry/realm/dev/topics/analytics_game_telemetry.dev.acme.login/year=2026/month=03/day=01/hour=12/minute=30/analytics_game_telemetry.dev.acme.login-00003-00000000000000000007.json'

/** The name of the object that the record is put into: a replay has to find it there. */
const KEYS: Readonly<Record<string, string>> = {
  '6dcb7922ca': DEFAULT_KEY,
  '143164fef6':
    'justice_event/acme/dev/analytics_game_telemetry.dev.acme.login/login/2026/03/01/1100-00003-00000000000000000007-e3.parquet',
  b06181b548: `${DEFAULT_KEY}.gz`,
  '3d488b175d': DEFAULT_KEY,
  '2aabbb9622': DEFAULT_KEY,
}

describe.each(readdirSync(RECORDED))('revisions that version %s wrote', (version) => {
  const dir = join(RECORDED, version)
  const revisions = readdirSync(dir).map((file) => file.replace(/\.json$/, ''))

  test.each(revisions)('%s is read, keeps its name, and puts records where it did', (revision) => {
    const config = readRevision(dir, revision)
    expect(revisionOf(config)).toBe(revision)
    const plan = compilePlan(config)
    const route = plan.route(start.topic, record)
    expect(route.kind === 'object' ? plan.keyOf(route.path, start) : route.kind).toBe(KEYS[revision])
  })
})
