/** The customization of Argo CD, run on its own test data and on every status that docs/status.md shows. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { AnalyticsConnector, AnalyticsConnectorStatus } from '../../src/contract/resource.ts'
import { ArgoLua, type Discovered, type HealthStatus } from '../support/argocd-lua.ts'
import { kstatusOf } from '../support/status/kstatus.ts'
import { scriptsOf } from './argocd-config.ts'
import { filesLike, textOf } from './files.ts'

const FOLDER = 'deploy/argocd/resource_customizations/analytics-connector.io/AnalyticsConnector'
const file = (path: string) => textOf(join(FOLDER, path))
const yaml = <T>(path: string) => parse(file(path)) as T
const health = (resource: object) => lua.run<HealthStatus>(file('health.lua'), resource)
let lua: ArgoLua

beforeAll(async () => {
  lua = await ArgoLua.open()
})

afterAll(() => lua?.close())

interface HealthTests {
  readonly tests: readonly { readonly inputPath: string; readonly healthStatus: HealthStatus }[]
}

interface ActionTests {
  readonly discoveryTests: readonly {
    readonly inputPath: string
    readonly result: readonly { readonly name: string; readonly disabled: boolean }[]
  }[]
  readonly actionTests: readonly {
    readonly action: string
    readonly inputPath: string
    readonly expectedOutputPath: string
  }[]
}

const healthTests = yaml<HealthTests>('health_test.yaml').tests
const { discoveryTests, actionTests } = yaml<ActionTests>('actions/action_test.yaml')

describe('health', () => {
  test.each(healthTests)('$inputPath is $healthStatus.status', ({ inputPath, healthStatus }) => {
    expect(health(yaml(inputPath))).toEqual(healthStatus)
  })

  test('every file of test data is used', () => {
    const used = healthTests.map(({ inputPath }) => inputPath)
    expect(filesLike(`${FOLDER}/testdata/*`)).toEqual(used.map((path) => join(FOLDER, path)).sort())
  })
})

describe('actions', () => {
  test.each(discoveryTests)('$inputPath offers what it says', ({ inputPath, result }) => {
    const found = lua.run<Discovered>(file('actions/discovery.lua'), yaml(`actions/${inputPath}`))
    const sorted = Object.entries(found).map(([name, { disabled = false }]) => ({ name, disabled }))
    expect(sorted.sort((a, b) => a.name.localeCompare(b.name))).toEqual(result)
  })

  test.each(actionTests)(
    '$action makes $expectedOutputPath of $inputPath',
    ({ action, inputPath, expectedOutputPath }) => {
      const changed = lua.run(file(`actions/${action}/action.lua`), yaml(`actions/${inputPath}`))
      const text = JSON.stringify(changed).replace(/"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"/, '"0001-01-01T00:00:00Z"')
      expect(JSON.parse(text)).toEqual(yaml(`actions/${expectedOutputPath}`))
    },
  )

  test('every action is offered, and every one that is offered is there', () => {
    const offered = Object.keys(
      lua.run<Discovered>(file('actions/discovery.lua'), yaml('actions/testdata/running.yaml')),
    )
    const there = filesLike(`${FOLDER}/actions/*/action.lua`).map((path) => path.split('/').at(-2))
    expect(offered.sort()).toEqual(there)
    expect([...new Set(actionTests.map(({ action }) => action))].sort()).toEqual(there)
  })
})

test('the ConfigMap of Argo CD gets the same scripts', () => {
  const there = filesLike(`${FOLDER}/health.lua`, `${FOLDER}/actions/**/*.lua`).map((path) => [
    path.slice(FOLDER.length + 1),
    textOf(path),
  ])
  expect(scriptsOf(textOf('deploy/argocd/argocd-cm.yaml'))).toEqual(Object.fromEntries(there))
})

describe('every status that docs/status.md shows', () => {
  interface Recorded {
    readonly generation: number
    readonly status: AnalyticsConnectorStatus
  }
  const recorded = JSON.parse(textOf('test/support/status/recorded.json')) as Record<string, Recorded>
  /** Heading of the page to what Argo CD, and kstatus for Flux, Helm and kubectl, must make of the states below it. */
  const MEANINGS: Readonly<Record<string, readonly [HealthStatus['status'], ReturnType<typeof kstatusOf>]>> = {
    Ready: ['Healthy', 'Current'],
    'Whether Kafka still knows where to go on': ['Suspended', 'Current'],
    'What was lost before it was delivered': ['Healthy', 'Current'],
    'More replicas than partitions': ['Healthy', 'Current'],
    'What another connector has too': ['Healthy', 'Current'],
    'On its way': ['Progressing', 'InProgress'],
    'The spec or the cluster must be changed': ['Degraded', 'Failed'],
    S3: ['Degraded', 'Failed'],
    Kafka: ['Degraded', 'Failed'],
  }
  const shown = textOf('docs/status.md')
    .split(/^## /m)
    .slice(1)
    .flatMap((section) => {
      const heading = section.split('\n', 1)[0] ?? ''
      // A connector that is gone has no status.
      if (heading === 'What became of the consumer group') return []
      const ofReasons = section.split(/^### /m).filter((part) => part.includes('\n```console\n'))
      return ofReasons.map((part) => ({ heading, reason: part.split('\n', 1)[0] ?? '' }))
    })

  test.each(shown)('$reason is what "$heading" promises', ({ heading, reason }) => {
    const { generation, status } = recorded[reason] as Recorded
    const resource = { metadata: { generation }, status }
    const [argo, kstatus] = MEANINGS[heading] ?? []
    expect(health(resource).status).toBe(reason === 'Paused' ? 'Suspended' : argo)
    expect(kstatusOf(resource)).toBe(kstatus)
    expect(health({ ...resource, metadata: { generation: generation + 1 } }).status).toBe('Progressing')
  })

  test('all of them are recorded, and no other', () => {
    expect(Object.keys(recorded).sort()).toEqual(shown.map(({ reason }) => reason).sort())
  })

  test('the test data of Argo CD are such statuses', () => {
    for (const { inputPath } of healthTests) {
      const { metadata, status } = yaml<AnalyticsConnector>(inputPath)
      const isRecorded = Object.values(recorded).some(
        (each) => each.generation === metadata.generation && JSON.stringify(each.status) === JSON.stringify(status),
      )
      if ((status?.observedGeneration ?? -1) === metadata.generation) expect(isRecorded, inputPath).toBe(true)
    }
  })
})
