import { describe, expect, test } from 'vitest'
import { containerEnvironment, expand } from './environment.ts'
import { aContainer, aPod, nodeFacts, objects, unknownObjects } from './fixtures.ts'
import type { ObjectSource } from './object-cache.ts'
import type { EnvFrom, EnvVar } from './pod.ts'

async function environmentOf(env: EnvVar[], source: ObjectSource = objects(), envFrom: EnvFrom[] = []) {
  const resources = { limits: { memory: '200Mi' }, requests: { cpu: '100m' } }
  const container = aContainer({ env, envFrom, resources })
  const labels = { labels: { app: 'web' }, annotations: { note: 'hi' } }
  const pod = aPod({ containers: [container], serviceAccountName: 'sink' }, labels)
  return Object.fromEntries(await containerEnvironment({ pod, container, facts: nodeFacts, objects: source }))
}

describe('variables', () => {
  test.each([
    ['status.podIP', '127.83.12.2'],
    ['metadata.name', 'web-0'],
    ['metadata.namespace', 'games'],
    ['metadata.uid', 'u-1'],
    ['spec.nodeName', 'node-1'],
    ['spec.serviceAccountName', 'sink'],
    ["metadata.labels['app']", 'web'],
    ["metadata.annotations['note']", 'hi'],
    ["metadata.labels['absent']", ''],
  ])('show the pod field %s', async (fieldPath, expected) => {
    expect(await environmentOf([{ name: 'A', valueFrom: { fieldRef: { fieldPath } } }])).toEqual({ A: expected })
  })

  test.each([
    ['limits.memory', '1Mi', '200'],
    ['limits.memory', '0', '209715200'],
    ['requests.cpu', '1m', '100'],
    ['requests.cpu', '1', '1'],
    ['limits.cpu', '1', '64'],
    ['requests.memory', '1', '0'],
  ])('show the resource %s in units of %s', async (resource, divisor, expected) => {
    const env = [{ name: 'A', valueFrom: { resourceFieldRef: { resource, divisor } } }]
    expect(await environmentOf(env)).toEqual({ A: expected })
  })

  test('come from keys of ConfigMaps and Secrets, a later one refers to an earlier one', async () => {
    const source = objects({ cfg: { k: 'one' } }, { sec: { p: 'two' } })
    const env = [
      { name: 'A', valueFrom: { configMapKeyRef: { name: 'cfg', key: 'k' } } },
      { name: 'B', valueFrom: { secretKeyRef: { name: 'sec', key: 'p' } } },
      { name: 'C', value: '$(A)-$(B)-$(D)' },
      { name: 'D', value: 'later' },
    ]
    expect(await environmentOf(env, source)).toEqual({ A: 'one', B: 'two', C: 'one-two-$(D)', D: 'later' })
  })

  test('from whole objects are overridden by those defined singly', async () => {
    const source = objects({ cfg: { a: '1', b: '2' } }, { sec: { c: '3' } })
    const envFrom = [{ prefix: 'P_', configMapRef: { name: 'cfg' } }, { secretRef: { name: 'sec' } }]
    expect(await environmentOf([{ name: 'P_a', value: 'own' }], source, envFrom)).toEqual({
      P_a: 'own',
      P_b: '2',
      c: '3',
    })
  })

  test('that are optional and missing are not defined at all', async () => {
    const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'no', key: 'k', optional: true } } }]
    expect(await environmentOf(env, objects(), [{ secretRef: { name: 'no', optional: true } }])).toEqual({})
  })

  const configMapKeyRef = { name: 'cfg', key: 'k' }
  test.each([
    ['configmap "cfg" not found', objects()],
    ["couldn't find key k in ConfigMap games/cfg", objects({ cfg: { other: '1' } })],
    ['timed out', unknownObjects],
  ])('that cannot be had are refused: %s', async (message, source) => {
    await expect(environmentOf([{ name: 'A', valueFrom: { configMapKeyRef } }], source)).rejects.toThrow(message)
  })
})

test.each([
  ['$(A)/$(A)', 'x/x'],
  ['$(NO)', '$(NO)'],
  ['$$(A)', '$(A)'],
  ['$A $ (A) $', '$A $ (A) $'],
])('%s expands to %s', (text, expected) => {
  expect(expand(text, new Map([['A', 'x']]))).toBe(expected)
})
