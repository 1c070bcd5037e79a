import * as z from 'zod'
import {
  connectorEditSchema,
  connectorListSchema,
  connectorQuerySchema,
  deletedSchema,
  newConnectorSchema,
  shownConnectorSchema,
  statusDocumentSchema,
  switchedSchema,
} from '../../contract/rest-connector.ts'
import type { IdentifiedConnector } from '../../kube/connector-ids.ts'
import { parseId } from '../../kube/id-counter.ts'
import type { ConnectorService } from '../connectors/connector-service.ts'
import type { Scope } from '../connectors/scope.ts'
import { entityTag, shownConnector } from '../connectors/shown-connector.ts'
import { BASE_PATHS, defineRoute, noParams, type Reply, type Route } from '../route.ts'

const versions = ['v1', 'v2'] as const

const idParams = z.strictObject({
  id: z
    .string()
    .refine((text) => parseId(text) !== undefined, {
      error: ({ input }) => `${JSON.stringify(input)} is not allowed: must be a whole number from 1`,
    })
    .meta({ description: 'The connector’s id.', type: 'integer', minimum: 1 })
    .transform(Number),
})

const etag = { ETag: 'Changes with the configuration; send it as If-Match to edit only what was read.' }

/**
 * Told to whoever pauses. Source of the form: Kubernetes' own API warnings (299, RFC 7234 §5.5.7).
 */
const RETENTION_WARNING =
  '299 analytics-connector "while paused, events stay on Kafka only as long as its retention (7 days by default); a longer pause can lose data"'

/** The connectors' part of the API. */
export function connectorRoutes(connectors: ConnectorService): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/connectors',
      versions,
      operationId: 'listConnectors',
      summary: 'List connectors',
      params: noParams,
      query: connectorQuerySchema,
      reply: { status: 200, schema: connectorListSchema },
      errors: [],
      handle: async ({ scope, query }) => ({ body: (await connectors.list(scope, query)).map(shownConnector) }),
    }),
    defineRoute({
      method: 'POST',
      path: '/connectors',
      versions,
      operationId: 'createConnector',
      summary: 'Create a connector; it does not run until it is activated',
      params: noParams,
      query: noParams,
      body: newConnectorSchema,
      bodyExample: {
        connectorName: 'game-events',
        connectorType: 'SINK',
        storageType: 'KAFKA_S3',
        config: {
          bucketName: 'acme-events',
          region: 'us-west-2',
          customPath: '{eventType}/{namespace}/{yyyy}/{MM}/{dd}/{topic}.json',
          flushInterval: '15m',
          flushSize: '1000',
          eventType: 'game_telemetry',
        },
        filter: { acme: ['*'] },
      },
      reply: {
        status: 201,
        schema: shownConnectorSchema,
        headers: { ...etag, Location: 'The path of the connector.' },
      },
      errors: ['notConfigured', 'quotaExceeded'],
      handle: async ({ scope, body }) => {
        const created = await connectors.create(scope, body)
        const reply = shownReply(created)
        return { ...reply, headers: { ...reply.headers, location: locationOf(scope, created.id) } }
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/connectors/{id}',
      versions,
      operationId: 'getConnector',
      summary: 'Show a connector',
      params: idParams,
      query: noParams,
      reply: { status: 200, schema: shownConnectorSchema, headers: etag },
      errors: ['connectorNotFound'],
      handle: async ({ scope, params }) => shownReply(await connectors.get(scope, params.id)),
    }),
    defineRoute({
      method: 'PUT',
      path: '/connectors/{id}',
      versions,
      operationId: 'editConnector',
      summary: 'Edit a connector; what is left out stays as it is',
      params: idParams,
      query: noParams,
      body: connectorEditSchema,
      bodyExample: { config: { flushInterval: '5m' } },
      reply: { status: 200, schema: shownConnectorSchema, headers: etag },
      errors: ['connectorNotFound', 'conflict', 'fieldOwned', 'notConfigured'],
      handle: async ({ scope, params, body, ifMatch }) =>
        shownReply(await connectors.edit(scope, params.id, body, ifMatch)),
    }),
    ...switchRoutes(connectors),
    defineRoute({
      method: 'GET',
      path: '/connectors/{id}/status',
      versions,
      operationId: 'getConnectorStatus',
      summary: 'Show what a connector is doing',
      params: idParams,
      query: noParams,
      reply: { status: 200, schema: statusDocumentSchema },
      errors: ['connectorNotFound'],
      handle: async ({ scope, params }) => ({ body: await connectors.status(scope, params.id) }),
    }),
    defineRoute({
      method: 'DELETE',
      path: '/connectors/{id}',
      versions,
      operationId: 'deleteConnector',
      summary: 'Delete a connector; what it holds is delivered first, what it delivered stays',
      params: idParams,
      query: noParams,
      reply: { status: 200, schema: deletedSchema },
      errors: ['connectorNotFound', 'conflict'],
      handle: async ({ scope, params: { id }, ifMatch }) => {
        await connectors.delete(scope, id, ifMatch)
        return { body: { deleted: true, id } }
      },
    }),
  ]
}

function switchRoutes(connectors: ConnectorService): Route[] {
  const switchRoute = (
    verb: 'activate' | 'deactivate',
    active: boolean,
    summary: string,
    headers: Record<string, string>,
  ) =>
    defineRoute({
      method: 'PUT',
      path: `/connectors/{id}/${verb}`,
      versions,
      operationId: `${verb}Connector`,
      summary,
      params: idParams,
      query: noParams,
      reply: {
        status: 200,
        schema: switchedSchema,
        headers: Object.fromEntries(Object.keys(headers).map((name) => [name, 'How long events stay on Kafka.'])),
      },
      errors: ['connectorNotFound', 'conflict', 'fieldOwned'],
      handle: async ({ scope, params: { id }, ifMatch }) => {
        await connectors.switch(scope, id, active, ifMatch)
        return { body: { id, active }, headers }
      },
    })
  return [
    switchRoute('activate', true, 'Start a connector, or resume it where it was paused', {}),
    switchRoute('deactivate', false, 'Pause a connector: what it holds is delivered, then it stops', {
      Warning: RETENTION_WARNING,
    }),
  ]
}

function shownReply(identified: IdentifiedConnector): Reply {
  return { body: shownConnector(identified), headers: { etag: entityTag(identified.connector) } }
}

function locationOf(scope: Scope, id: number): string {
  const base = BASE_PATHS[scope.version]
  return `${scope.version === 'v1' ? base : base.replace('{namespace}', scope.namespace)}/connectors/${id}`
}
