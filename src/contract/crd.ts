import * as z from 'zod'
import { API_GROUP, API_VERSION, KIND, PLURAL } from './names.ts'
import { analyticsConnectorSchema, NAME_ALLOWED, NAME_PATTERN } from './resource.ts'
import { celString } from './rule.ts'

/** A node of an OpenAPI v3 schema. */
export interface SchemaNode {
  readonly [keyword: string]: unknown
}

/**
 * The CustomResourceDefinition, from the resource's schema. Pure and deterministic, so that the committed file can be
 * compared with it.
 */
export function customResourceDefinition() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${PLURAL}.${API_GROUP}` },
    spec: {
      group: API_GROUP,
      scope: 'Namespaced',
      names: {
        kind: KIND,
        listKind: `${KIND}List`,
        plural: PLURAL,
        singular: KIND.toLowerCase(),
        shortNames: ['ac'],
        categories: ['analytics'],
      },
      versions: [
        {
          name: API_VERSION,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: rootSchema() },
          subresources: {
            status: {},
            scale: {
              specReplicasPath: '.spec.replicas',
              statusReplicasPath: '.status.replicas',
              labelSelectorPath: '.status.selector',
            },
          },
          additionalPrinterColumns: PRINTER_COLUMNS,
        },
      ],
    },
  }
}

/** A column of `kubectl get`; with priority 1 only of `kubectl get -o wide`. */
const PRINTER_COLUMNS = [
  {
    name: 'Ready',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Ready")].status',
    description: 'Whether what the spec asks for is so.',
  },
  {
    name: 'Active',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Active")].status',
    description: 'Whether the connector delivers.',
  },
  {
    name: 'Status',
    type: 'string',
    jsonPath: '.status.connector.status',
    description: 'The published status: ACTIVE, INACTIVE, STARTING, STOPPING or FAILED.',
  },
  { name: 'Replicas', type: 'integer', jsonPath: '.status.replicas', description: 'Sink pods that exist.' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  {
    name: 'Error',
    type: 'string',
    priority: 1,
    // Not .status.connector.error: kubectl shows a null as "<no value>". Stalled carries the same text, while it is so.
    jsonPath: '.status.conditions[?(@.type=="Stalled")].message',
    description: 'Why the connector is FAILED.',
  },
  {
    name: 'Bucket',
    type: 'string',
    priority: 1,
    jsonPath: '.spec.config.bucketName',
    description: 'The bucket that receives the objects.',
  },
  {
    name: 'Revision',
    type: 'string',
    priority: 1,
    jsonPath: '.status.revision',
    description: 'Configuration revision that runs fully: every pod carries it and delivers.',
  },
]

/** The resource as a structural schema: metadata is the API server's own, and `status` says when nobody has looked yet. */
export function rootSchema(): SchemaNode {
  const { properties, required } = structural(
    z.toJSONSchema(analyticsConnectorSchema, { target: 'openapi-3.0', io: 'input' }),
  )
  const { spec, status } = properties as Record<string, SchemaNode>
  return {
    description:
      'AnalyticsConnector copies the events of chosen namespaces and topics from Kafka into an S3 bucket, every event into exactly one object.',
    type: 'object',
    required: (required as string[]).filter((name) => name === 'spec'),
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec,
      status: { ...status, default: { observedGeneration: -1 } },
    },
    'x-kubernetes-validations': [
      {
        rule: `self.metadata.name.matches(${celString(NAME_PATTERN)})`,
        message: `metadata.name ${NAME_ALLOWED}`,
        messageExpression: `'metadata.name: "' + self.metadata.name + ${celString(`" is not allowed: ${NAME_ALLOWED}`)}`,
      },
    ],
  }
}

/**
 * What zod writes, in the subset that Kubernetes calls structural: no `additionalProperties` beside `properties`
 * (unknown fields are pruned or refused by the server anyway), no unions but int-or-string, no bounds that only say
 * "a number of JavaScript".
 */
function structural(node: unknown): SchemaNode {
  const { additionalProperties, properties, items, anyOf, $schema: _, ...keywords } = node as SchemaNode
  const kept = Object.fromEntries(Object.entries(keywords).filter(([, value]) => !isSafeIntegerBound(value)))
  if (kept['x-kubernetes-int-or-string'] === true) return { ...kept, anyOf: [{ type: 'integer' }, { type: 'string' }] }
  if (kept['x-kubernetes-preserve-unknown-fields'] === true) return kept
  return {
    ...kept,
    ...(properties === undefined ? mapValues(additionalProperties) : { properties: eachProperty(properties) }),
    ...(items === undefined ? {} : { items: structural(items) }),
  }
}

function eachProperty(properties: unknown): Record<string, SchemaNode> {
  const entries = Object.entries(properties as Record<string, unknown>)
  return Object.fromEntries(entries.map(([name, property]) => [name, structural(property)]))
}

function mapValues(additionalProperties: unknown): SchemaNode {
  return typeof additionalProperties === 'object' ? { additionalProperties: structural(additionalProperties) } : {}
}

function isSafeIntegerBound(value: unknown): boolean {
  return value === Number.MAX_SAFE_INTEGER || value === Number.MIN_SAFE_INTEGER
}
