import {
  bucketParamsSchema,
  bucketPolicySchema,
  eventTypeParamsSchema,
  pathExampleRequestSchema,
  pathExampleSchema,
  topicsByNamespaceSchema,
} from '../../contract/rest-tools.ts'
import type { TopicPatterns } from '../../contract/topic-pattern.ts'
import type { Clock } from '../../lib/clock.ts'
import { ApiError } from '../api-error.ts'
import { bucketPolicy } from '../bucket-policy.ts'
import { pathExample } from '../path-example.ts'
import { defineRoute, noParams, type Route } from '../route.ts'
import { configuredPattern, topicsByNamespace } from '../topics-by-namespace.ts'

export interface ToolOptions {
  readonly realm: string
  readonly topicPatterns: TopicPatterns
  /** The connectors' own role, which customers let into their buckets. */
  readonly roleArn: string | undefined
  /** Every topic of the Kafka cluster. @throws ApiError 503 */
  readonly listTopics: () => Promise<readonly string[]>
  readonly clock: Pick<Clock, 'now'>
}

/** The tools that help to configure a connector. */
export function toolRoutes(options: ToolOptions): Route[] {
  const { realm, roleArn, listTopics, clock } = options
  const patternOf = (eventType: string) => configuredPattern(eventType, options.topicPatterns)
  return [
    defineRoute({
      method: 'GET',
      path: '/tools/kafka/topics/{eventType}',
      versions: ['v1'],
      operationId: 'listTopics',
      summary: 'List the Kafka topics of an event type by event namespace',
      params: eventTypeParamsSchema,
      query: noParams,
      reply: { status: 200, schema: topicsByNamespaceSchema },
      errors: ['notConfigured', 'unavailable'],
      handle: async ({ params: { eventType } }) => {
        const pattern = patternOf(eventType)
        return { body: topicsByNamespace(await listTopics(), pattern, realm) }
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/tools/s3/policies/{bucketName}',
      versions: ['v1', 'v2'],
      operationId: 'getBucketPolicy',
      summary: 'Show the policy that a bucket needs for a connector to write to it',
      params: bucketParamsSchema,
      query: noParams,
      reply: { status: 200, schema: bucketPolicySchema },
      errors: ['notConfigured'],
      handle: async ({ params: { bucketName } }) => {
        if (roleArn === undefined)
          throw new ApiError('notConfigured', 'roleArn is not set in the configuration of this service')
        return { body: bucketPolicy(bucketName, roleArn) }
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/tools/s3/path/example',
      versions: ['v1', 'v2'],
      operationId: 'renderPathExample',
      summary: 'Show the key of one object that a customPath leads to',
      params: noParams,
      query: noParams,
      body: pathExampleRequestSchema,
      bodyExample: {
        customPath: '{eventType}/{namespace}/{yyyy}/{MM}/{dd}/{topic}.json',
        eventType: 'game_telemetry',
        namespace: 'acme',
        eventName: 'gameStarted',
      },
      reply: { status: 200, schema: pathExampleSchema },
      errors: ['notConfigured'],
      handle: async ({ body }) => ({ body: { path: pathExample(body, realm, patternOf, clock.now()) } }),
    }),
  ]
}
