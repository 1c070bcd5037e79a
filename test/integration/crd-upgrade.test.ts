/**
 * An upgrade brings a new CRD to connectors that were stored under an earlier one. For each that test/earlier has: its CRD, its connectors, then
 * the CRD of today; nothing that was stored may be lost or become invalid.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { DEFAULTS } from '../../src/contract/defaults.ts'
import { API_GROUP, PLURAL } from '../../src/contract/names.ts'
import type { AnalyticsConnector } from '../../src/contract/resource.ts'
import { filesLike } from '../drift/files.ts'
import { CRD, REPOSITORY } from '../repository.ts'
import { connectStack } from '../stack/remote.ts'
import { withoutInstalledOperator } from '../support/in-process-operator.ts'
import { kubectl, kubectlJson } from '../support/kubectl.ts'
import { manifestsOf } from '../support/rendered.ts'

const stack = connectStack(inject('stack'))
/** The connector whose status is looked at; the others have none. */
const WITH_STATUS = 'connector-0'
let installed: Awaited<ReturnType<typeof withoutInstalledOperator>>

beforeAll(async () => {
  installed = await withoutInstalledOperator(stack)
})

afterAll(async () => {
  await serve(CRD)
  await installed?.restore()
})

/** Exactly this CRD: an apply would keep fields that others have applied. */
async function serve(crd: string): Promise<void> {
  await kubectl(stack, ['replace', '-f', crd])
  await kubectl(stack, ['wait', '--for=condition=Established', `crd/${PLURAL}.${API_GROUP}`, '--timeout=30s'])
}

async function stored(namespace: string): Promise<AnalyticsConnector[]> {
  const { items } = await kubectlJson<{ items: AnalyticsConnector[] }>(stack, 'get', 'ac', '-n', namespace)
  return items
}

/** Without what the API server counts, and with the only default that it writes in. */
const contentOf = ({ metadata, spec, status }: AnalyticsConnector) => ({
  name: metadata.name,
  spec: { replicas: DEFAULTS.replicas, ...spec },
  status,
})

const earlier = filesLike('test/earlier/*/crd.yaml').map((path) => path.split('/')[2] ?? '')

test.each(earlier)(
  'connectors that were stored under the CRD %s are whole and valid under that of today',
  async (state) => {
    const folder = join(REPOSITORY, 'test/earlier', state)
    const namespace = `upgrade-${randomBytes(4).toString('hex')}`
    await kubectl(stack, ['create', 'namespace', namespace])
    try {
      await serve(join(folder, 'crd.yaml'))
      await kubectl(stack, ['create', '--validate=strict', '-n', namespace, '-f', join(folder, 'connectors.yaml')])
      const status = ['--subresource=status', '--type=merge', '--patch-file', join(folder, 'status.yaml')]
      await kubectl(stack, ['patch', 'ac', WITH_STATUS, '-n', namespace, ...status])
      const before = await stored(namespace)
      const asWritten = manifestsOf(readFileSync(join(folder, 'connectors.yaml'), 'utf8'))
      expect(before.map(({ spec }) => spec)).toEqual(expect.arrayContaining(asWritten.map(({ spec }) => spec)))
      expect(before.find(({ metadata }) => metadata.name === WITH_STATUS)?.status?.conditions).toHaveLength(3)

      await serve(CRD)
      const after = await stored(namespace)
      expect(after.map(contentOf)).toEqual(before.map(contentOf))
      // Every connector is validated and written anew, spec and status.
      await replace(after.map(touched))
      const statusOnly = (await stored(namespace)).filter(({ metadata }) => metadata.name === WITH_STATUS)
      await replace(statusOnly.map(touched), '--subresource=status')
      expect((await stored(namespace)).map(contentOf)).toEqual(before.map(contentOf))
    } finally {
      await kubectl(stack, ['delete', 'namespace', namespace, '--wait=false'])
    }
  },
)

async function replace(items: readonly AnalyticsConnector[], ...flags: string[]): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  await kubectl(stack, ['replace', '--validate=strict', ...flags, '-f', '-'], { input })
}

function touched(connector: AnalyticsConnector): AnalyticsConnector {
  const annotations = { ...connector.metadata.annotations, 'example.com/touched': 'yes' }
  return { ...connector, metadata: { ...connector.metadata, annotations } }
}
