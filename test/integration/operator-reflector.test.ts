import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { loadClusterAccess } from '../../src/kube/cluster-access.ts'
import { HttpKubeApi } from '../../src/kube/http-kube-api.ts'
import { CONFIG_MAPS, type ConfigMap, type Kind, type KubeObject } from '../../src/kube/kinds.ts'
import { Reflector } from '../../src/kube/reflector.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { connectStack } from '../stack/remote.ts'
import { startCuttingProxy } from '../support/cutting-proxy.ts'
import { eventually } from '../support/eventually.ts'
import { recording } from '../support/in-process-operator.ts'
import { apply, kubectl } from '../support/kubectl.ts'

const stack = connectStack(inject('stack'))
const namespace = `reflector-${randomBytes(4).toString('hex')}`
/** More than a page of a list. */
const OBJECTS = 600
let api: HttpKubeApi

beforeAll(async () => {
  await kubectl(stack, ['create', 'namespace', namespace])
  api = new HttpKubeApi({ access: await loadClusterAccess({ kubeconfig: stack.kubeconfigPath }), userAgent: 'test' })
  await Promise.all(Array.from({ length: OBJECTS }, (_, i) => write(`c-${i}`, 'first')))
})

afterAll(async () => {
  await api?.close()
  await kubectl(stack, ['delete', 'namespace', namespace, '--wait=false'])
})

const write = (name: string, value: string) =>
  api.apply<ConfigMap>(
    CONFIG_MAPS,
    { metadata: { namespace, name, labels: { mine: 'yes' } }, data: { value } },
    { fieldManager: 'test' },
  )

async function remove(name: string): Promise<void> {
  const { metadata } = (await api.get(CONFIG_MAPS, { namespace, name })) ?? {}
  await api.delete(CONFIG_MAPS, { namespace, name }, { uid: metadata?.uid ?? '' })
}

interface Reflected {
  readonly streamingLists?: boolean
  readonly kind?: Kind<KubeObject>
  readonly isCustom?: boolean
}

/** A reflector of the namespace's ConfigMaps, or of another kind, that connects through a proxy of its own. */
async function reflect({ streamingLists = true, kind = CONFIG_MAPS, isCustom = false }: Reflected = {}) {
  const access = await loadClusterAccess({ kubeconfig: stack.kubeconfigPath })
  const proxy = await startCuttingProxy(new URL(access.server))
  const through = new HttpKubeApi({
    access: { ...access, server: `https://127.0.0.1:${proxy.port}` },
    userAgent: 'test',
  })
  const calls: Parameters<typeof recording>[1] = []
  const events: string[] = []
  const reflector = new Reflector<ConfigMap>({
    api: recording(through, calls, streamingLists),
    kind,
    isCustom,
    scope: { namespace, labelSelector: 'mine=yes' },
    clock: systemClock,
    logger: createLogger('silent'),
    onEvent: ({ type, object }) => void events.push(`${type} ${object.metadata?.name}`),
  })
  const stop = new AbortController()
  const running = reflector.run(stop.signal)
  onTestFinished(async () => {
    stop.abort()
    await running
    await through.close()
    proxy.close()
  })
  await eventually(10_000, () => expect(reflector.hasSynced).toBe(true), 20)
  const value = (name: string) => reflector.objects.get(`${namespace}/${name}`)?.data?.value
  return { reflector, proxy, calls, events, value }
}

test('everything is there when it is synced, by a streaming list and by pages alike', async () => {
  const streamed = await reflect()
  expect(streamed.reflector.objects.size).toBe(OBJECTS)
  expect(streamed.calls.map(({ verb }) => verb)).toEqual(['watch'])
  const paged = await reflect({ streamingLists: false })
  expect(paged.calls.map(({ verb }) => verb)).toEqual(['list', 'list', 'watch'])
  expect([...paged.reflector.objects.keys()].sort()).toEqual([...streamed.reflector.objects.keys()].sort())
})

test('a cut connection loses nothing and repeats nothing: the watch goes on where it was', async () => {
  const { proxy, calls, events, value } = await reflect()
  const before = events.length
  for (let cut = 1; cut <= 5; cut++) {
    proxy.cut()
    await write('c-0', `cut ${cut}`)
    await eventually(10_000, () => expect(value('c-0')).toBe(`cut ${cut}`), 20)
  }
  expect(events.slice(before)).toEqual(Array.from({ length: 5 }, () => 'update c-0'))
  expect(calls.every(({ verb }) => verb === 'watch')).toBe(true)
})

test('what was changed, made and deleted while the API server was away is seen when it is back', async () => {
  const { reflector, value, events } = await reflect()
  await write('c-1', 'before')
  await stack.servers.kubeApi.stop()
  await stack.servers.kubeApi.start()
  await eventually(60_000, () => write('c-1', 'after'))
  await write('new', 'new')
  await remove('c-2')
  await eventually(30_000, () => {
    expect(value('c-1')).toBe('after')
    expect(value('new')).toBe('new')
    expect(value('c-2')).toBeUndefined()
  })
  expect(reflector.objects.size).toBe(OBJECTS)
  expect(events.filter((event) => event === 'delete c-2')).toHaveLength(1)
})

describe('a kind whose definition is deleted while nobody can watch', () => {
  const group = `${namespace}.example`
  const kind: Kind<KubeObject> = { apiVersion: `${group}/v1`, kind: 'Thing', plural: 'things' }
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `things.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'things', singular: 'thing', kind: 'Thing' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    },
  }
  const undefine = () => kubectl(stack, ['delete', 'crd', definition.metadata.name, '--ignore-not-found'])

  async function define(...names: string[]): Promise<void> {
    await apply(stack, definition)
    await kubectl(stack, ['wait', '--for=condition=Established', `crd/${definition.metadata.name}`, '--timeout=30s'])
    for (const name of names) {
      const thing = { metadata: { namespace, name, labels: { mine: 'yes' } } }
      await eventually(10_000, () => api.apply(kind, thing, { fieldManager: 'test' }))
    }
  }

  async function reflectThings() {
    await define('a', 'b')
    onTestFinished(async () => void (await undefine()))
    const { reflector, proxy, events } = await reflect({ kind, isCustom: true })
    const uid = (name: string) => reflector.objects.get(`${namespace}/${name}`)?.metadata?.uid
    return { proxy, events, uid, names: () => [...reflector.objects.keys()].map((key) => key.split('/')[1]).sort() }
  }

  test('has no objects as soon as the API server says so, and later those of the new definition', async () => {
    const { proxy, events, names } = await reflectThings()
    proxy.refuse()
    await undefine()
    expect(names()).toEqual(['a', 'b'])
    proxy.release()
    await eventually(15_000, () => expect(names()).toEqual([]))
    await define('b', 'c')
    await eventually(15_000, () => expect(names()).toEqual(['b', 'c']))
    expect(events).toEqual(['add a', 'add b', 'delete a', 'delete b', 'add b', 'add c'])
  })

  test('and made again meanwhile has the objects of now, also where one of a name is another one', async () => {
    const { proxy, uid, names } = await reflectThings()
    const before = uid('b')
    proxy.refuse()
    await undefine()
    await define('b', 'c')
    proxy.release()
    await eventually(15_000, () => expect(names()).toEqual(['b', 'c']))
    expect(uid('b')).toBe((await api.get(kind, { namespace, name: 'b' }))?.metadata?.uid)
    expect(uid('b')).not.toBe(before)
  })
})
