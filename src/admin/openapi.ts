import * as z from 'zod'
import { errorSchema } from '../contract/rest-tools.ts'
import { API_ERRORS, type ApiErrorName } from './api-error.ts'
import { BASE_PATHS, type Route, type Version } from './route.ts'

type Json = Readonly<Record<string, unknown>>

/** Errors that any call can give. */
const COMMON_ERRORS: readonly ApiErrorName[] = [
  'validation',
  'unauthorized',
  'forbidden',
  'tooManyRequests',
  'internal',
  'unavailable',
]
/** Of a call with a body, beside those. */
const BODY_ERRORS: readonly ApiErrorName[] = ['unparsableBody', 'bodyTooLarge', 'unsupportedMediaType']

/** The OpenAPI 3.1 document of the routes: their paths, parameters, bodies, replies and errors. */
export function openApiDocument(routes: readonly Route[]): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const route of routes) {
    for (const version of route.versions) {
      const path = BASE_PATHS[version] + route.path
      paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, version) }
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Analytics Connector',
      version: '1.0.0',
      description:
        'Copies analytics events from Kafka into your S3 bucket. Authorize with an access token whose client has the permission ADMIN:ANALYTICS:CONNECTOR (v2: ADMIN:NAMESPACE:{namespace}:ANALYTICS:CONNECTOR).',
    },
    tags: [
      { name: 'connectors v1', description: 'Connectors of every namespace.' },
      { name: 'tools v1', description: 'Help to configure a connector.' },
      { name: 'connectors v2', description: 'Connectors whose filter names one game namespace only.' },
      { name: 'tools v2', description: 'Help to configure a connector.' },
    ],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'An access token, without "Bearer".',
        },
      },
      schemas: { Error: jsonSchema(errorSchema, 'output') },
    },
  }
}

function operation(route: Route, version: Version): Json {
  const isTool = route.path.startsWith('/tools/')
  return {
    operationId: `${route.operationId}${version === 'v1' ? '' : 'V2'}`,
    summary: route.summary,
    tags: [`${isTool ? 'tools' : 'connectors'} ${version}`],
    parameters: parametersOf(route, version),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: jsonSchema(route.body, 'input'), example: route.bodyExample } },
          },
        }),
    responses: { [route.reply.status]: replyOf(route), ...errorsOf(route) },
  }
}

function parametersOf({ params, query, errors }: Route, version: Version): Json[] {
  const namespace = {
    name: 'namespace',
    in: 'path',
    required: true,
    schema: { type: 'string' },
    description: 'Game namespace.',
  }
  const ifMatch = {
    name: 'If-Match',
    in: 'header',
    required: false,
    schema: { type: 'string' },
    description: 'The ETag that was read: refuses to change what somebody else has changed since.',
  }
  return [
    ...(version === 'v2' ? [namespace] : []),
    ...propertiesOf(params).map(([name, schema]) => parameter('path', name, schema, true)),
    ...propertiesOf(query).map(([name, schema]) => parameter('query', name, schema, false)),
    ...(errors.includes('conflict') ? [ifMatch] : []),
  ]
}

function parameter(place: 'path' | 'query', name: string, { description, ...schema }: Json, required: boolean): Json {
  return { name, in: place, required, schema, ...(description === undefined ? {} : { description }) }
}

function propertiesOf(schema: z.ZodType): [string, Json][] {
  return Object.entries((jsonSchema(schema, 'input').properties ?? {}) as Record<string, Json>)
}

function replyOf({ reply }: Route): Json {
  const headers = Object.entries(reply.headers ?? {}).map(([name, description]) => [
    name,
    { description, schema: { type: 'string' } },
  ])
  return {
    description: 'Done.',
    ...(headers.length === 0 ? {} : { headers: Object.fromEntries(headers) }),
    content: { 'application/json': { schema: jsonSchema(reply.schema, 'output') } },
  }
}

/** One response for each status; several errors may share one. */
function errorsOf({ body, errors }: Route): Record<string, Json> {
  const names = [...COMMON_ERRORS, ...(body === undefined ? [] : BODY_ERRORS), ...errors]
  const byStatus = Map.groupBy(new Set(names), (name) => API_ERRORS[name].status)
  return Object.fromEntries(
    [...byStatus].map(([status, all]) => [
      status,
      {
        description: all.map((name) => `${API_ERRORS[name].errorCode}: ${API_ERRORS[name].meaning}`).join(' '),
        content: {
          'application/json': { schema: { $ref: '#/components/schemas/Error' }, example: exampleOf(all) },
        },
      },
    ]),
  )
}

function exampleOf([name = 'internal']: readonly ApiErrorName[]): Json {
  return { errorCode: API_ERRORS[name].errorCode, errorMessage: API_ERRORS[name].meaning }
}

/** A zod schema as JSON schema, without the keywords that are for the CustomResourceDefinition. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...node } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return withoutCrdKeywords(node) as Json
}

function withoutCrdKeywords(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutCrdKeywords)
  if (node === null || typeof node !== 'object') return node
  return Object.fromEntries(
    Object.entries(node)
      .filter(([key]) => !key.startsWith('x-kubernetes-'))
      .map(([key, value]) => [key, withoutCrdKeywords(value)]),
  )
}
