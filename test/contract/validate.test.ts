import { describe, expect, test } from 'vitest'
import { rootSchema, type SchemaNode } from '../../src/contract/crd.ts'
import { isConnectorManifest, validateManifest } from '../../src/contract/validate.ts'
import { rightManifests } from '../support/right-manifests.ts'
import { wrongManifests } from '../support/wrong-manifests.ts'

describe('refuses, naming field, value and what is allowed', () => {
  test.each(wrongManifests)('$what', ({ manifest, field, value, allowed }) => {
    const { problems } = validateManifest(manifest)
    const lines = problems.map(({ path, message }) => `${path}: ${message}`)
    const line = lines.find((each) => each.startsWith(`${field}: `))
    expect(line, lines.join('\n') || 'no problem found').toBeDefined()
    if (value !== undefined) expect(line).toContain(value)
    expect(line).toMatch(allowed)
  })
})

describe('accepts', () => {
  test.each(rightManifests)('$what', ({ manifest }) => {
    expect(validateManifest(manifest).problems).toEqual([])
  })
})

test('the table has a wrong value of every field of the spec', () => {
  const inTable = wrongManifests.map(({ field }) => field.replaceAll(/\[\d+\]/g, '[]'))
  const isInTable = (field: string) =>
    inTable.some((each) => each === field || (/^[.[]/.test(each.slice(field.length)) && each.startsWith(field)))
  const fields = fieldsOf(rootSchema(), '').filter((field) => field.startsWith('spec.'))
  expect(fields.length).toBeGreaterThan(50)
  expect(fields.filter((field) => !isInTable(field))).toEqual([])
})

test('every problem of a manifest is told, not only the first', () => {
  const { problems } = validateManifest({
    apiVersion: 'analytics-connector.io/v1',
    kind: 'AnalyticsConnector',
    metadata: { name: 'A' },
    spec: { storageType: 'KAFKA_S3', config: { eventType: 'x', bucketName: 'B', region: 'r' }, filter: {} },
  })
  expect(problems.map(({ path }) => path).sort()).toEqual([
    'apiVersion',
    'metadata.name',
    'spec.config.bucketName',
    'spec.config.eventType',
    'spec.filter',
  ])
})

test('a text in the place of a list is told once, and not that it is too long', () => {
  const { manifest } = rightManifests[0] as { manifest: { spec: object } }
  const kafka = { bootstrapServers: 'kafka-0.kafka:9092,kafka-1.kafka:9092' }
  expect(validateManifest({ ...manifest, spec: { ...manifest.spec, kafka } }).problems).toEqual([
    {
      path: 'spec.kafka.bootstrapServers',
      message: '"kafka-0.kafka:9092,kafka-1.kafka:9092" is not allowed: must be a list',
    },
  ])
})

test('a status, as in what kubectl get -o yaml prints, is no problem', () => {
  const [minimal] = rightManifests
  const stored = { ...(minimal?.manifest as object), status: { observedGeneration: 1, conditions: [] } }
  expect(validateManifest(stored).problems).toEqual([])
})

test('a null that counts as left out is left where it is', () => {
  const [minimal] = rightManifests
  const given = structuredClone(minimal?.manifest) as { spec: { kafka?: null } }
  given.spec.kafka = null
  const before = structuredClone(given)
  expect(validateManifest(given).connector?.spec).not.toHaveProperty('kafka')
  expect(given).toEqual(before)
})

test.each([null, 'text', 4, []])('%j is no connector and no crash', (document) => {
  expect(isConnectorManifest(document)).toBe(false)
  expect(validateManifest(document).problems.length).toBeGreaterThan(0)
})

test('a wrong version of our own kind counts as a connector, so that it is checked and not skipped', () => {
  expect(isConnectorManifest({ apiVersion: 'analytics-connector.io/v9', kind: 'Connector' })).toBe(true)
})

/** Paths of the fields that have no fields of their own which the schema names. */
function fieldsOf(node: SchemaNode, path: string): string[] {
  const items = node.items as SchemaNode | undefined
  if (items?.properties) return fieldsOf(items, `${path}[]`)
  if (!node.properties) return [path]
  return Object.entries(node.properties).flatMap(([name, child]) =>
    fieldsOf(child as SchemaNode, path === '' ? name : `${path}.${name}`),
  )
}
