import { expect, it } from 'vitest'
import type { KubeObject } from '../../src/kube/kinds.ts'
import { PackedObjects } from '../../src/kube/packed-objects.ts'
import { anObject } from './scripted-api.ts'

it('tells the first state of an object, another one, and the same again', () => {
  const objects = new PackedObjects<KubeObject>()
  expect([anObject('a', '1'), anObject('a', '2'), anObject('a', '2')].map((each) => objects.set(each))).toEqual([
    'added',
    'changed',
    'same',
  ])
  expect([...objects.values()]).toEqual([anObject('a', '2')])
})

it('gives each looker an object of its own', () => {
  const objects = new PackedObjects<KubeObject>()
  objects.set(anObject('a', '1'))
  const mine = objects.get('n/a')
  if (mine?.metadata) mine.metadata.resourceVersion = 'mine'
  expect(objects.get('n/a')).toEqual(anObject('a', '1'))
  expect(objects.get('n/b')).toBeUndefined()
})

it('forgets an object', () => {
  const objects = new PackedObjects<KubeObject>()
  objects.set(anObject('a', '1'))
  expect([objects.delete('n/a'), objects.delete('n/a'), objects.size]).toEqual([true, false, 0])
})

it('takes over what another one has, and tells what is new of it', () => {
  const objects = new PackedObjects<KubeObject>()
  for (const name of ['a', 'b']) objects.set(anObject(name, '1'))
  const listed = objects.another()
  for (const each of [anObject('a', '1'), anObject('b', '2'), anObject('c', '1')]) listed.set(each)
  expect([...listed.keys(), 'n/d'].map((key) => objects.take(key, listed))).toEqual([
    'same',
    'changed',
    'added',
    'same',
  ])
  expect([...objects.values()]).toEqual([anObject('a', '1'), anObject('b', '2'), anObject('c', '1')])
})
