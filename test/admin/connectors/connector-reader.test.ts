import { expect, it } from 'vitest'
import { ConnectorReader } from '../../../src/admin/connectors/connector-reader.ts'
import type { KubeApi } from '../../../src/kube/api.ts'
import type { Connector } from '../../../src/kube/connector-ids.ts'
import { CONNECTORS } from '../../../src/kube/kinds.ts'
import { MemoryKubeApi } from '../../support/memory-kube-api.ts'

const LIST = 'list analyticsconnectors'
const GET = 'get analyticsconnectors'
const nameOf = (i: number) => `c-${String(i).padStart(4, '0')}`
const refOf = (i: number) => ({ namespace: 'games', name: nameOf(i) })

function setUp(count: number) {
  const api = new MemoryKubeApi(() => 0)
  const put = (i: number, bucketName = 'old') => {
    const uid = api.peek(CONNECTORS, refOf(i))?.metadata?.uid
    const metadata = { ...refOf(i), ...(uid === undefined ? {} : { uid }) }
    return api.put(CONNECTORS, { metadata, spec: { config: { bucketName } } } as Connector)
  }
  for (let i = 0; i < count; i++) put(i)
  const reader = new ConnectorReader(api as unknown as KubeApi, 'games')
  /** What a read answers by name, and the calls that it took. */
  const read = async () => {
    api.calls.length = 0
    const connectors = await reader.read()
    return { connectors, buckets: Object.fromEntries(connectors.map(bucketByName)), calls: [...api.calls] }
  }
  return { api, put, read }
}

function bucketByName({ metadata, spec }: Connector): [string, string] {
  return [metadata.name, spec.config.bucketName]
}

it('reads every page the first time, then one list of metadata as long as nothing changes', async () => {
  const { read } = setUp(501)
  const first = await read()
  expect([first.connectors.length, first.calls]).toEqual([501, [LIST, LIST]])
  const second = await read()
  expect(second.calls).toEqual([LIST])
  expect(second.connectors).toEqual(first.connectors)
  expect(second.connectors.every((connector, i) => connector === first.connectors[i])).toBe(true)
})

it('reads in full what was changed, made or made again since, and forgets what was deleted', async () => {
  const { api, put, read } = setUp(50)
  await read()
  put(1, 'changed')
  put(50, 'new')
  for (const i of [2, 3]) api.remove(CONNECTORS, refOf(i))
  put(3, 'again')
  const { buckets, calls } = await read()
  expect(Object.keys(buckets)).toHaveLength(50)
  expect(buckets).toMatchObject({ [nameOf(1)]: 'changed', [nameOf(3)]: 'again', [nameOf(50)]: 'new' })
  expect(buckets).not.toHaveProperty(nameOf(2))
  expect(calls).toEqual([LIST, GET, GET, GET])
})

it('leaves out a connector that is deleted between the list and its own read', async () => {
  const { api, put, read } = setUp(20)
  await read()
  put(1, 'changed')
  api.get = async () => undefined
  const { buckets } = await read()
  expect(Object.keys(buckets)).toHaveLength(19)
  expect(buckets).not.toHaveProperty(nameOf(1))
})

it('lists all again where that is cheaper than one read for each change', async () => {
  const { put, read } = setUp(24)
  await read()
  for (const i of [0, 1, 2]) put(i, 'changed')
  const { buckets, calls } = await read()
  expect(Object.values(buckets).filter((bucket) => bucket === 'changed')).toHaveLength(3)
  expect(calls).toEqual([LIST, LIST])
})
