/** No change may break the connectors that clusters hold: the CRD is compared with each earlier one that they may have been stored under. */
import { describe, expect, it, test } from 'vitest'
import { parse } from 'yaml'
import { type Crd, incompatibilities, type Schema } from './crd-changes.ts'
import { filesLike, textOf } from './files.ts'

const crdOf = (path: string) => parse(textOf(path)) as Crd

test.each(filesLike('test/earlier/*/crd.yaml'))('the CRD takes every connector that %s took', (path) => {
  expect(incompatibilities(crdOf(path), crdOf('crds/analyticsconnectors.yaml'))).toEqual([])
})

function aCrd(spec: Schema, version: object = {}): Crd {
  const openAPIV3Schema = { type: 'object', properties: { spec } }
  const v1 = { name: 'v1', served: true, storage: true, subresources: { status: {} }, schema: { openAPIV3Schema } }
  const names = { plural: 'things', kind: 'Thing', shortNames: ['t'] }
  return {
    metadata: { name: 'things.x' },
    spec: { group: 'x', scope: 'Namespaced', names, versions: [{ ...v1, ...version }] },
  }
}

const fields = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more })
const rule = (text: string) => ({ 'x-kubernetes-validations': [{ rule: text }] })
const broken = (before: Schema, after: Schema) => incompatibilities(aCrd(before), aCrd(after))

describe('incompatibilities', () => {
  it.each<[string, Schema, Schema, string]>([
    ['a field that is gone', fields({ a: {} }), fields({}), 'spec.a is gone'],
    [
      'another type',
      fields({ a: { type: 'string' } }),
      fields({ a: { type: 'integer' } }),
      'spec.a: type was "string" and is "integer"',
    ],
    [
      'a field that is newly required',
      fields({ a: {} }),
      fields({ a: {} }, { required: ['a'] }),
      'spec: a is newly required',
    ],
    ['an enum without a value', { enum: ['A', 'B'] }, { enum: ['A'] }, 'spec: enum value "B" is gone'],
    ['an enum where there was none', { type: 'string' }, { type: 'string', enum: ['A'] }, 'spec: enum is new'],
    ['a lower maximum', { maxLength: 9 }, { maxLength: 8 }, 'spec: maxLength 8 is tighter than 9'],
    ['a maximum where there was none', {}, { maxItems: 8 }, 'spec: maxItems 8 is tighter than none'],
    ['a higher minimum', { minimum: 1 }, { minimum: 2 }, 'spec: minimum 2 is tighter than 1'],
    ['another pattern', { pattern: 'a' }, { pattern: 'b' }, 'spec: pattern was "a" and is "b"'],
    ['a rule that is new', rule('a'), rule('b'), 'spec: the rule b is new'],
    [
      'another list type',
      { 'x-kubernetes-list-type': 'map' },
      {},
      'spec: x-kubernetes-list-type was "map" and is absent',
    ],
    [
      'a change inside lists',
      { items: { maxLength: 2 } },
      { items: { maxLength: 1 } },
      'spec[]: maxLength 1 is tighter than 2',
    ],
    ['a default that is gone', { default: 1 }, {}, 'spec: default was 1 and is absent'],
    [
      'fields that were kept unread',
      { 'x-kubernetes-preserve-unknown-fields': true },
      {},
      'spec: unknown fields are pruned now',
    ],
  ])('names %s', (_what, before, after, line) => {
    expect(broken(before, after)).toEqual([line])
  })

  it.each<[string, Schema, Schema]>([
    ['a new optional field, with rules of its own', fields({}), fields({ a: { maxLength: 3, ...rule('x') } })],
    ['a further value', { enum: ['A'] }, { enum: ['A', 'B'] }],
    ['a higher maximum', { maxLength: 8 }, { maxLength: 9 }],
    ['a rule that is gone', rule('a'), {}],
    ['a field that is no longer required', fields({ a: {} }, { required: ['a'] }), fields({ a: {} })],
    ['another description', { description: 'a' }, { description: 'b' }],
  ])('says nothing of %s', (_what, before, after) => {
    expect(broken(before, after)).toEqual([])
  })

  it('names a version that is served no more, or stored no more, and a subresource that is gone', () => {
    const before = aCrd({})
    expect(incompatibilities(before, aCrd({}, { served: false }))).toEqual(['version v1 is no longer served'])
    expect(incompatibilities(before, aCrd({}, { storage: false }))).toHaveLength(1)
    expect(incompatibilities(before, aCrd({}, { subresources: {} }))).toHaveLength(1)
  })
})
