import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import { ID_COUNTER_NAME } from '../../src/contract/names.ts'
import type { AnalyticsConnector } from '../../src/contract/resource.ts'
import { HttpKubeApi } from '../../src/kube/http-kube-api.ts'
import { CONNECTORS } from '../../src/kube/kinds.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { ownImage } from '../../src/operator/own-image.ts'
import { connectStack } from '../stack/remote.ts'
import { bothConfined } from '../support/both-confined.ts'
import { eventually } from '../support/eventually.ts'
import { type Call, recording, startOperator, withoutInstalledOperator } from '../support/in-process-operator.ts'
import { OPERATOR_NAMESPACE } from '../support/install-operator.ts'
import { apply, kubectl, kubectlJson } from '../support/kubectl.ts'
import { connector, countPartitions } from '../support/manifests.ts'
import {
  type Confined,
  letWatchSecrets,
  type Permission,
  permissionsOf,
  permissionsOfConfined,
  signInAsOperator,
  signInConfined,
} from '../support/permissions.ts'

const stack = connectStack(inject('stack'))
const namespace = `permissions-${randomBytes(4).toString('hex')}`
let installed: Awaited<ReturnType<typeof withoutInstalledOperator>>

beforeAll(async () => {
  installed = await withoutInstalledOperator(stack)
  await kubectl(stack, ['create', 'namespace', namespace])
  // To be made here, whatever ran before.
  const made = ['lease/analytics-connector-operator', `configmap/${ID_COUNTER_NAME}`]
  await kubectl(stack, ['delete', ...made, '-n', OPERATOR_NAMESPACE, '--ignore-not-found'])
})

afterAll(async () => {
  await kubectl(stack, ['delete', 'namespace', namespace, '--wait=false'])
  await installed?.restore()
})

test('the rights of deploy/base are what the operator uses: none is missing, none is never used', async () => {
  await usesWhatItHas()
})

test('so are those of the overlays for one namespace and for some, which have none in any other', async () => {
  await bothConfined(stack, namespace, usesWhatItHas)
})

test('a namespace that is gone, and its rights with it, keeps the operator from none of the others', async () => {
  const [home, watched] = [`${namespace}-home`, `${namespace}-left`]
  for (const name of [home, watched]) await kubectl(stack, ['create', 'namespace', name])
  onTestFinished(async () => void (await kubectl(stack, ['delete', 'namespace', home, watched, '--wait=false'])))
  // Ids were given while the namespace was there.
  await kubectl(stack, ['create', 'configmap', ID_COUNTER_NAME, '--from-literal=lastId=7', '-n', home])
  const operator = await startOperator(stack, {
    access: await signInConfined(stack, { folder: 'overlays/namespaces', home, watched }),
    config: { watchNamespaces: [`${namespace}-gone`, watched] },
  })
  onTestFinished(() => operator.stop())
  const spec = { active: false }
  const filter = { acme: ['*'] }
  await apply(stack, connector(stack, { name: NAME, namespace: watched, bucketName: 'nowhere', filter, spec }))
  await eventually(30_000, async () => {
    const { status } = await kubectlJson<AnalyticsConnector>(stack, 'get', 'ac', NAME, '-n', watched)
    expect(status).toMatchObject({ observedGeneration: 1, id: 8 })
  })
}, 60_000)

/** @param confined undefined: as deploy/base has it, in every namespace */
async function usesWhatItHas(confined?: Confined): Promise<void> {
  const { home = OPERATOR_NAMESPACE, watched } = confined ?? {}
  const permissions = confined ? await permissionsOfConfined(stack, confined) : await permissionsOf(stack, 'base')
  const access = confined ? await signInConfined(stack, confined) : await signInAsOperator(stack)
  const place = watched ?? namespace
  await letWatchSecrets(stack, place, home)
  const lease = { namespace: home, name: 'analytics-connector-operator' }
  const config = watched === undefined ? {} : { watchNamespaces: [watched] }
  const calls: Call[] = []
  // A server before 1.32 has no streaming lists.
  for (const [streamingLists, live] of [
    [true, wholeLife],
    [false, oneMoreLook],
  ] as const) {
    const operator = await startOperator(stack, {
      access,
      lease,
      identity: `${streamingLists}`,
      streamingLists,
      config,
    })
    onTestFinished(() => operator.stop())
    await live(place)
    await operator.stop()
    calls.push(...operator.calls)
  }
  const api = new HttpKubeApi({ access, userAgent: 'test' })
  onTestFinished(() => api.close())
  const pod = { namespace: home, name: 'none' }
  const logger = createLogger('silent')
  await ownImage({ api: recording(api, calls), pod, clock: systemClock, logger }, AbortSignal.timeout(10_000))

  // A namespace that an earlier test deletes meanwhile refuses everything.
  const ours = calls.filter((call) => [undefined, place, home].includes(call.namespace))
  expect(ours.filter(({ status }) => status === 401 || status === 403)).toEqual([])
  const used = new Set(ours.flatMap(({ verb, resource }) => rightsFor(verb, resource)))
  expect([...used].sort()).toEqual([...granted(permissions)].sort())
  if (watched !== undefined) await expect(api.list(CONNECTORS, { namespace: 'default' })).rejects.toThrow('forbidden')
}

/**
 * Server-side apply of an object that is not there needs the right to create it beside the one to patch. A connector is
 * never made here: its id comes by a merge patch.
 */
function rightsFor(verb: string, resource: string): string[] {
  const isMade = verb === 'patch' && !resource.includes('/') && resource !== 'analyticsconnectors'
  return [`${verb} ${resource}`, ...(isMade ? [`create ${resource}`] : [])]
}

function granted(permissions: readonly Permission[]): Set<string> {
  const rules = permissions.flatMap((each) => each.rules ?? [])
  return new Set(
    rules.flatMap(({ resources, verbs }) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)),
    ),
  )
}

const NAME = 'life'

function patched(place: string, spec: object, name = NAME): Promise<string> {
  return kubectl(stack, ['patch', 'ac', name, '--type=merge', '-p', JSON.stringify({ spec }), '-n', place])
}

function observed(place: string, generation: number, name = NAME): Promise<void> {
  return eventually(30_000, async () => {
    const { status } = await kubectlJson<AnalyticsConnector>(stack, 'get', 'ac', name, '-n', place)
    expect(status?.observedGeneration).toBe(generation)
  })
}

/** Everything that makes the operator make, change and delete each kind of object. */
async function wholeLife(place: string): Promise<void> {
  const spec = { active: false, replicas: 2 }
  const filter = { acme: ['*'] }
  await apply(stack, connector(stack, { name: NAME, namespace: place, bucketName: 'nowhere', filter, spec }))
  await observed(place, 1)
  await countPartitions(stack, { name: NAME, namespace: place, topicPartitions: 2 })
  await patched(place, { active: true })
  await observed(place, 2)
  await patched(place, { active: false, serviceAccountName: 'default' })
  await observed(place, 3)
  for (let edit = 1; edit <= 6; edit++) {
    await patched(place, { config: { flushSize: edit } })
    await observed(place, 3 + edit)
  }
  const kinds = 'configmaps,serviceaccounts,poddisruptionbudgets'
  const ours = ['get', kinds, '-l', `analytics-connector.io/connector=${NAME}`, '-o', 'name', '-n', place]
  await eventually(20_000, async () => expect((await kubectl(stack, ours)).trim().split('\n')).toHaveLength(5))
}

/** Of a second connector too, whose id is counted on, and whose consumer group is to be deleted with it. */
async function oneMoreLook(place: string): Promise<void> {
  const filter = { acme: ['*'] }
  const spec = { active: false }
  await apply(stack, connector(stack, { name: 'second', namespace: place, bucketName: 'nowhere', filter, spec }))
  await observed(place, 1, 'second')
  await patched(place, { deletionPolicy: 'DeleteConsumerGroup' }, 'second')
  await observed(place, 2, 'second')
  await kubectl(stack, ['delete', 'ac', 'second', '--wait=false', '-n', place])
  await eventually(10_000, () => kubectl(stack, ['get', 'job', 'second-delete-group', '-n', place]))
  // The Job's pod has no image here. Without the policy nothing is waited for.
  await patched(place, { deletionPolicy: 'Retain' }, 'second')
  await kubectl(stack, ['wait', '--for=delete', 'ac/second', '--timeout=20s', '-n', place])
  await patched(place, { config: { flushSize: 7 } })
  await observed(place, 10)
}
