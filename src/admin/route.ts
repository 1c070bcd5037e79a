import * as z from 'zod'
import { problemsOf } from '../contract/problems.ts'
import { ApiError, type ApiErrorName } from './api-error.ts'
import type { Action } from './auth/authenticator.ts'
import type { Scope } from './connectors/scope.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'
export type Version = Scope['version']

/** Where each version of the API begins. */
export const BASE_PATHS: Readonly<Record<Version, string>> = {
  v1: '/analytics-connector/v1/admin',
  v2: '/analytics-connector/v2/admin/namespaces/{namespace}',
}

/** The permission's action, from the verb. */
export const ACTIONS: Readonly<Record<Method, Action>> = {
  GET: 'READ',
  POST: 'CREATE',
  PUT: 'UPDATE',
  DELETE: 'DELETE',
}

/** A request as a handler sees it: every part has been checked by the route's schemas. */
export interface Input<P, Q, B> {
  readonly scope: Scope
  readonly params: P
  readonly query: Q
  readonly body: B
  /** Entity tags of If-Match; undefined without the header. */
  readonly ifMatch: readonly string[] | undefined
}

export interface Reply {
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * One endpoint: what the server registers and what the OpenAPI document says are both made from it. Paths are OpenAPI's, below the
 * base path of each version.
 */
export interface Route<P = unknown, Q = unknown, B = unknown> {
  readonly method: Method
  readonly path: `/${string}`
  readonly versions: readonly Version[]
  readonly operationId: string
  readonly summary: string
  readonly params: z.ZodType<P>
  readonly query: z.ZodType<Q>
  /** Absent: the request has no body. */
  readonly body?: z.ZodType<B>
  /** A body that is right, as the page offers it: what Swagger UI makes of the schema alone is refused. */
  readonly bodyExample?: object
  readonly reply: {
    readonly status: 200 | 201
    readonly schema: z.ZodType
    readonly headers?: Readonly<Record<string, string>>
  }
  /** Errors that this route can give beside those that every route can. */
  readonly errors: readonly ApiErrorName[]
  readonly handle: (input: Input<P, Q, B>) => Promise<Reply>
}

export const noParams = z.strictObject({})

/** Problems that one answer names. A body can have a hundred thousand, and an answer with all of them would be forty times as long as it. */
const MOST_PROBLEMS = 50

/** Keeps the types of a route's schemas for its handler, and forgets them for whoever holds a list of routes. */
export function defineRoute<P, Q, B>(route: Route<P, Q, B>): Route {
  return route as unknown as Route
}

/**
 * Parses one part of a request.
 *
 * @param part what the whole is called where the fault is not in one of its fields
 * @throws ApiError 400 that names every field that is wrong, its value and what is allowed
 */
export function parsePart<T>(schema: z.ZodType<T>, value: unknown, part: string): T {
  const result = schema.safeParse(value, { reportInput: true })
  if (result.success) return result.data
  const problems = problemsOf(result.error, schema)
  const named = problems.slice(0, MOST_PROBLEMS).map(({ path, message }) => `${path || part}: ${message}`)
  const others = problems.length - named.length
  throw new ApiError('validation', [...named, ...(others > 0 ? [`and ${others} more`] : [])].join('; '))
}

/**
 * Entity tags of an If-Match header (RFC 9110 §13.1.1). A weak one counts as the strong one that it was: proxies that compress make them weak on
 * the way, and ours are never the same for two configurations.
 *
 * @throws ApiError 400
 */
export function entityTagsOf(ifMatch: string | undefined): readonly string[] | undefined {
  if (ifMatch === undefined) return undefined
  const tags = ifMatch.split(',').map((tag) => tag.trim().replace(/^W\/(?=")/, ''))
  if (tags.every((tag) => /^(\*|"[\x21\x23-\x7e]*")$/.test(tag))) return tags
  throw new ApiError('validation', 'If-Match: must be the ETag of a reply, such as "3", or *')
}
