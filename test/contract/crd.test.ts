import { describe, expect, test } from 'vitest'
import { customResourceDefinition, rootSchema, type SchemaNode } from '../../src/contract/crd.ts'

interface Located {
  readonly path: string
  readonly node: SchemaNode
  /** Whether it is a field, and not the element of a list or map. */
  readonly isField: boolean
}

function nodesBelow(path: string, node: SchemaNode): Located[] {
  const fields = Object.entries((node.properties ?? {}) as Record<string, SchemaNode>)
  const element = (node.items ?? node.additionalProperties) as SchemaNode | undefined
  return [
    ...fields.flatMap(([name, field]) => [
      { path: `${path}.${name}`, node: field, isField: true },
      ...nodesBelow(`${path}.${name}`, field),
    ]),
    ...(element ? [{ path: `${path}[]`, node: element, isField: false }, ...nodesBelow(`${path}[]`, element)] : []),
  ]
}

const { spec, status } = rootSchema().properties as { spec: SchemaNode; status: SchemaNode }
const inSpec = nodesBelow('spec', spec)
const everywhere = [...inSpec, ...nodesBelow('status', status)]
const opaque = (node: SchemaNode) => node['x-kubernetes-preserve-unknown-fields'] === true
const fails = (nodes: readonly Located[]) => nodes.map(({ path }) => path)

describe('structural schema', () => {
  test('every field says what it causes', () => {
    expect(fails(everywhere.filter(({ node, isField }) => isField && typeof node.description !== 'string'))).toEqual([])
  })

  test('every node has one type, but for int-or-string', () => {
    const untyped = everywhere.filter(({ node }) => node.type === undefined && !node['x-kubernetes-int-or-string'])
    expect(fails(untyped)).toEqual([])
  })

  test('nothing of JSON Schema is left that the API server does not take', () => {
    const keywords = new Set(everywhere.flatMap(({ node }) => Object.keys(node)))
    for (const unknown of ['$schema', 'propertyNames', 'oneOf', 'allOf', 'not', '$ref', 'const', 'exclusiveMinimum'])
      expect(keywords).not.toContain(unknown)
  })

  test('no field of the spec has a default, which GitOps may show as drift, but the one without which no autoscaler begins', () => {
    expect(fails(inSpec.filter(({ node }) => 'default' in node))).toEqual(['spec.replicas'])
  })

  test('a status that nobody has written says generation -1', () => {
    expect(status.default).toEqual({ observedGeneration: -1 })
  })
})

describe('rules', () => {
  const ruled = inSpec.filter(({ node }) => 'x-kubernetes-validations' in node)
  const validations = ruled.flatMap(({ path, node }) =>
    (node['x-kubernetes-validations'] as { rule: string; message: string; messageExpression?: string }[]).map(
      (validation) => ({ path, ...validation }),
    ),
  )

  test('what a rule looks at is bounded, so that the cost budget holds', () => {
    const unbounded = ruled.filter(
      ({ node }) =>
        (node.type === 'string' && node.maxLength === undefined) ||
        (node.type === 'array' && node.maxItems === undefined) ||
        (node.additionalProperties !== undefined && node.maxProperties === undefined),
    )
    expect(fails(unbounded)).toEqual([])
  })

  test('every refusal says what must be, in one line', () => {
    for (const { path, message } of validations) expect(message, path).toMatch(/^[^\n]*must[^\n]*$/)
  })

  test('every refusal of a single value shows the value', () => {
    const silent = validations.filter(({ path, messageExpression }) => {
      const node = inSpec.find((each) => each.path === path)?.node
      return node?.type !== 'object' && node?.type !== 'array' && !messageExpression?.includes('self')
    })
    expect(silent).toEqual([])
  })
})

test('scale reads spec.replicas and status.selector, so that autoscalers work', () => {
  const [version] = customResourceDefinition().spec.versions
  expect(version?.subresources.scale).toEqual({
    specReplicasPath: '.spec.replicas',
    statusReplicasPath: '.status.replicas',
    labelSelectorPath: '.status.selector',
  })
})

test('large core types are passed on as they are', () => {
  expect(fails(inSpec.filter(({ node }) => opaque(node)))).toEqual([
    'spec.podTemplate.affinity',
    'spec.podTemplate.topologySpreadConstraints[]',
  ])
})
