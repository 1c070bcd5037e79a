import { describe, expect, test } from 'vitest'
import { aContainer, aPod, nodeFacts, objects } from './fixtures.ts'
import type { Volume } from './pod.ts'
import { volumeFiles } from './volume-files.ts'

const source = objects({ cfg: { a: '1', b: '2' } }, { sec: { p: 'secret' } })
const pod = aPod(
  { containers: [aContainer({ resources: { limits: { cpu: '2' } } })] },
  { labels: { tier: 'x', app: 'web' } },
)

/** path → [content, mode in octal] */
async function filesOf(volume: Omit<Volume, 'name'> | object) {
  const token = async ({ audience }: { audience?: string }) => `token for ${audience}`
  const files = await volumeFiles({ name: 'v', ...volume }, { pod, facts: nodeFacts, objects: source, token })
  return (
    files && Object.fromEntries([...files].map(([path, { content, mode }]) => [path, [`${content}`, mode.toString(8)]]))
  )
}

describe('a volume', () => {
  test('of a ConfigMap shows every key as a file', async () => {
    expect(await filesOf({ configMap: { name: 'cfg' } })).toEqual({ a: ['1', '644'], b: ['2', '644'] })
  })

  test('with items shows only those, under their paths and with their modes', async () => {
    const items = [{ key: 'p', path: 'deep/password', mode: 0o400 }]
    expect(await filesOf({ secret: { secretName: 'sec', items, defaultMode: 0o600 } })).toEqual({
      'deep/password': ['secret', '400'],
    })
  })

  test('of the downward API shows labels as lines and resources as numbers', async () => {
    const items = [
      { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
      { path: 'cpu', resourceFieldRef: { containerName: 'web', resource: 'limits.cpu' } },
    ]
    expect(await filesOf({ downwardAPI: { items } })).toEqual({
      labels: ['app="web"\ntier="x"', '644'],
      cpu: ['2', '644'],
    })
  })

  test('that is projected joins all its sources', async () => {
    const sources = [
      { serviceAccountToken: { path: 'token', audience: 'iam' } },
      { configMap: { name: 'cfg', items: [{ key: 'a', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
    ]
    expect(await filesOf({ projected: { sources, defaultMode: 0o440 } })).toEqual({
      token: ['token for iam', '440'],
      'ca.crt': ['1', '440'],
      namespace: ['games', '440'],
    })
  })

  test('that is an emptyDir consists of no files', async () => {
    expect(await filesOf({ emptyDir: {} })).toBeUndefined()
  })

  test('of an optional missing object or key is empty', async () => {
    expect(await filesOf({ secret: { secretName: 'no', optional: true } })).toEqual({})
    const items = [{ key: 'no', path: 'no' }]
    expect(await filesOf({ configMap: { name: 'cfg', items, optional: true } })).toEqual({})
  })

  test.each<[string, object]>([
    ['secret "no" not found', { secret: { secretName: 'no' } }],
    ['configmap "no" not found', { projected: { sources: [{ configMap: { name: 'no' } }] } }],
    ['references non-existent config key: no', { configMap: { name: 'cfg', items: [{ key: 'no', path: 'x' }] } }],
    ['this node agent has no nfs volumes', { nfs: {} }],
  ])('is refused: %s', async (message, volume) => {
    await expect(filesOf(volume)).rejects.toThrow(message)
  })
})
