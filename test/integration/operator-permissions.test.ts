import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import type { AnalyticsConnector } from '../../src/contract/resource.ts'
import { HttpKubeApi } from '../../src/kube/http-kube-api.ts'
import { ownImage } from '../../src/operator/own-image.ts'
import { connectStack } from '../stack/remote.ts'
import { eventually } from '../support/eventually.ts'
import {
  type Call,
  permissionsOfBase,
  recording,
  signInAsOperator,
  startOperator,
  withoutInstalledOperator,
} from '../support/in-process-operator.ts'
import { OPERATOR_NAMESPACE } from '../support/install-operator.ts'
import { apply, kubectl, kubectlJson } from '../support/kubectl.ts'
import { connector } from '../support/manifests.ts'

const stack = connectStack(inject('stack'))
const namespace = `permissions-${randomBytes(4).toString('hex')}`
const inNamespace = (...args: string[]) => kubectl(stack, [...args, '-n', namespace])
const LEASE = { namespace: OPERATOR_NAMESPACE, name: 'analytics-connector-operator' }
let installed: Awaited<ReturnType<typeof withoutInstalledOperator>>

beforeAll(async () => {
  installed = await withoutInstalledOperator(stack)
  await kubectl(stack, ['create', 'namespace', namespace])
  await kubectl(stack, ['delete', 'lease', LEASE.name, '-n', LEASE.namespace, '--ignore-not-found'])
})

afterAll(async () => {
  await kubectl(stack, ['delete', 'namespace', namespace, '--wait=false'])
  await installed?.restore()
})

test('the rights of deploy/base are what the operator uses: none is missing, none is never used', async () => {
  const access = await signInAsOperator(stack)
  await letWatchSecrets()
  const calls: Call[] = []
  for (const streamingLists of [true, false]) {
    const operator = await startOperator(stack, {
      access,
      lease: LEASE,
      identity: `test-${streamingLists}`,
      streamingLists,
    })
    onTestFinished(() => operator.stop())
    await wholeLife(`life-${streamingLists}`)
    await operator.stop()
    calls.push(...operator.calls)
  }
  const api = new HttpKubeApi({ access, userAgent: 'test' })
  onTestFinished(() => api.close())
  await ownImage(recording(api, calls), { namespace: OPERATOR_NAMESPACE, name: 'none' })

  // A namespace that an earlier test deletes meanwhile refuses everything.
  const ours = calls.filter((call) => [undefined, namespace, OPERATOR_NAMESPACE].includes(call.namespace))
  expect(ours.filter(({ status }) => status === 401 || status === 403)).toEqual([])
  const used = new Set(ours.flatMap(({ verb, resource }) => rightsFor(verb, resource)))
  expect([...used].sort()).toEqual([...(await granted())].sort())
})

/** As docs/decisions/0007-secrets-by-metadata-where-allowed.md says. */
async function letWatchSecrets(): Promise<void> {
  const role = 'analytics-connector-operator-secrets'
  const operator = `--serviceaccount=${OPERATOR_NAMESPACE}:analytics-connector-operator`
  await inNamespace('create', 'rolebinding', role, `--clusterrole=${role}`, operator)
}

/**
 * Server-side apply of an object that is not there needs the right to create it beside the one to patch. A connector is
 * never made here: its id comes by a merge patch.
 */
function rightsFor(verb: string, resource: string): string[] {
  const isMade = verb === 'patch' && !resource.includes('/') && resource !== 'analyticsconnectors'
  return [`${verb} ${resource}`, ...(isMade ? [`create ${resource}`] : [])]
}

async function granted(): Promise<Set<string>> {
  const rules = (await permissionsOfBase(stack)).flatMap((each) => each.rules ?? [])
  return new Set(
    rules.flatMap(({ resources, verbs }) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)),
    ),
  )
}

/** Everything that makes the operator make, change and delete each kind of object. */
async function wholeLife(name: string): Promise<void> {
  const patch = (spec: object) => inNamespace('patch', 'ac', name, '--type=merge', '-p', JSON.stringify({ spec }))
  const observed = (generation: number) =>
    eventually(30_000, async () => {
      const { status } = await kubectlJson<AnalyticsConnector>(stack, 'get', 'ac', name, '-n', namespace)
      expect(status?.observedGeneration).toBe(generation)
    })
  const spec = { active: false, replicas: 2 }
  await apply(stack, connector(stack, { name, namespace, bucketName: 'nowhere', filter: { acme: ['*'] }, spec }))
  await observed(1)
  await patch({ active: true })
  await observed(2)
  await patch({ active: false, serviceAccountName: 'default' })
  await observed(3)
  for (let edit = 1; edit <= 6; edit++) {
    await patch({ config: { flushSize: edit } })
    await observed(3 + edit)
  }
  const selector = `analytics-connector.io/connector=${name}`
  await eventually(20_000, async () => {
    const left = await inNamespace(
      'get',
      'configmaps,serviceaccounts,poddisruptionbudgets',
      '-l',
      selector,
      '-o',
      'name',
    )
    expect(left.trim().split('\n')).toHaveLength(5)
  })
}
