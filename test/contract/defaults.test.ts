import { expect, test } from 'vitest'
import { rootSchema, type SchemaNode } from '../../src/contract/crd.ts'
import { DEFAULTS } from '../../src/contract/defaults.ts'

function property(node: SchemaNode, name: string): SchemaNode | undefined {
  return (node.properties as Record<string, SchemaNode> | undefined)?.[name]
}

const spec = property(rootSchema(), 'spec') ?? {}
const places = [spec, property(spec, 'config') ?? {}, property(spec, 'kafka') ?? {}]
/** Set by the operator, not by the resource. */
const notInTheResource = ['bufferBytes']

test.each(Object.entries(DEFAULTS).filter(([name]) => !notInTheResource.includes(name)))(
  'the description of %s tells its default, %s',
  (name, value) => {
    const field = places.map((place) => property(place, name)).find((node) => node !== undefined)
    expect(field?.description).toContain(`Default ${value}`)
  },
)
