import { expect, it, onTestFinished } from 'vitest'
import { KubeApiError } from '../../src/kube/errors.ts'
import { createLogger, type Logger } from '../../src/lib/logger.ts'
import { References } from '../../src/operator/references.ts'
import { added, bookmark, deleted, modified, scriptedApi, type WatchScript } from '../kube/scripted-api.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { aSpec, DEFAULTS } from './builders.ts'

const KEY = 'n/events'
const { config } = aSpec()
const withSecret = aSpec({ config: { ...config, credentialsSecretRef: { name: 'keys' } } })
const withAnother = aSpec({ config: { ...config, credentialsSecretRef: { name: 'others' } } })

function setUp(watch: WatchScript, clock = new FakeClock()) {
  const { api, watches, signals } = scriptedApi({ watches: [watch] })
  const changed: string[] = []
  const references = new References({
    api,
    kafka: DEFAULTS.kafka,
    clock,
    logger: createLogger('silent'),
    onChange: (key) => void changed.push(key),
  })
  onTestFinished(() => references.stop())
  return { references, changed, watches, signals, version: (spec = withSecret) => references.versionOf(KEY, 'n', spec) }
}

it('is empty for a connector that refers to nothing, and watches nothing for it', () => {
  const { version, watches } = setUp({ ending: 'hang' })
  expect(version(aSpec())).toBe('')
  expect(watches).toEqual([])
})

it('knows nothing until the namespace is listed, and asks for metadata only', async () => {
  const { version, changed, watches } = setUp({ events: [added('keys', '5'), bookmark('6', true)], ending: 'hang' })
  expect(version()).toBeUndefined()
  await settled()
  expect(watches).toMatchObject([{ namespace: 'n', metadataOnly: true }])
  expect(changed).toContain(KEY)
  expect(version()).toMatch(/^[0-9a-f]{16}$/)
})

it('is pending from the first question until the namespace is listed, and for a second at most', async () => {
  const clock = new FakeClock()
  const refused = setUp({ ending: 'hang' }, clock)
  refused.version()
  expect(refused.references.isPending('n', withSecret)).toBe(true)
  expect(refused.references.isPending('n', aSpec())).toBe(false)
  await clock.advance(1_000)
  expect(refused.references.isPending('n', withSecret)).toBe(false)
  const listed = setUp({ events: [bookmark('6', true)], ending: 'hang' })
  listed.version()
  await settled()
  expect(listed.references.isPending('n', withSecret)).toBe(false)
})

it('tells once, and not as a fault, that it may not watch: nobody has bound that right by default', async () => {
  const ending = new KubeApiError(403, 'Forbidden', 'cannot watch')
  const { api, watches } = scriptedApi({ watches: Array.from({ length: 8 }, () => ({ ending })) })
  const clock = new FakeClock()
  const told: string[] = []
  const tell = (level: string) => () => void told.push(level)
  const logger = { debug: () => {}, info: tell('info'), warn: tell('warn') } as unknown as Logger
  const references = new References({ api, kafka: DEFAULTS.kafka, clock, logger, onChange: () => {} })
  onTestFinished(() => references.stop())
  references.versionOf(KEY, 'n', withSecret)
  await clock.advance(180_000)
  expect(watches).toHaveLength(7)
  expect(told).toEqual(['info'])
})

it('has another name after each change of what is referred to, and only then', async () => {
  const versions = async (...events: NonNullable<WatchScript['events']>) => {
    const { version } = setUp({ events: [added('keys', '5'), bookmark('6', true), ...events], ending: 'hang' })
    version()
    await settled()
    return version()
  }
  const before = await versions()
  expect(await versions(added('another', '7'))).toBe(before)
  expect(await versions(modified('keys', '7'))).not.toBe(before)
  expect(await versions(deleted('keys', '7'))).not.toBe(before)
})

it('watches a namespace no longer than a connector in it refers to something', async () => {
  const { references, watches, signals } = setUp({ events: [bookmark('6', true)], ending: 'hang' })
  const ofOther = () => references.versionOf('n/other', 'n', withSecret)
  references.versionOf(KEY, 'n', withSecret)
  ofOther()
  await settled()
  references.forget(KEY)
  expect(signals.map(({ aborted }) => aborted)).toEqual([false])
  references.forget('n/other')
  expect(signals.map(({ aborted }) => aborted)).toEqual([true])
  expect(ofOther()).toBeUndefined()
  await settled()
  expect(watches).toHaveLength(2)
})

it('watches a namespace once, whatever its connectors refer to, and goes on when one of them changes its mind', async () => {
  const { references, watches, signals } = setUp({ events: [bookmark('6', true)], ending: 'hang' })
  references.versionOf(KEY, 'n', withSecret)
  await settled()
  expect(references.versionOf(KEY, 'n', withAnother)).toMatch(/^[0-9a-f]{16}$/)
  references.versionOf('n/other', 'n', withSecret)
  references.forget(KEY)
  expect(watches).toHaveLength(1)
  expect(signals.map(({ aborted }) => aborted)).toEqual([false])
  references.stop()
  expect(signals.map(({ aborted }) => aborted)).toEqual([true])
})

it('tells those whom a change concerns, and nobody else', async () => {
  const events = [added('keys', '5'), bookmark('6', true), modified('keys', '7')]
  const { references, version, changed } = setUp({ events, ending: 'hang' })
  version()
  references.versionOf('n/other', 'n', withAnother)
  await settled()
  // Found, listed, modified; and the other one only that all was listed.
  expect(changed.sort()).toEqual([KEY, KEY, KEY, 'n/other'])
})

it('says which connectors a change concerns, and none that is gone', async () => {
  const { references, version, changed } = setUp({ events: [added('keys', '5'), bookmark('6', true)], ending: 'hang' })
  version()
  references.versionOf('n/other', 'n', aSpec())
  references.forget(KEY)
  await settled()
  expect(changed).toEqual([])
})
