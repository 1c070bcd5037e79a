import * as z from 'zod'
import type { Action } from './authenticator.ts'

/** The bits of a permission's `Action` (IAM: CREATE 1, READ 2, UPDATE 4, DELETE 8). */
const ACTION_BITS: Readonly<Record<Action, number>> = { CREATE: 1, READ: 2, UPDATE: 4, DELETE: 8 }
const WILDCARD = '*'
/** A `*` behind one of these means one namespace or one user, never all that is below them. */
const IDENTITY_SECTIONS = new Set(['NAMESPACE', 'USER'])

/** What a token, a role or a client of ours is granted. */
export interface Permission {
  /** Sections with ":" between them, such as `ADMIN:NAMESPACE:acme:ANALYTICS:CONNECTOR`; `*` is a wildcard. */
  readonly resource: string
  /** A set of bits. */
  readonly actions: number
}

export function actionBits(actions: readonly Action[]): number {
  return actions.reduce((bits, action) => bits | ACTION_BITS[action], 0)
}

/** The reverse of `actionBits`. */
export function actionsOf(bits: number): Action[] {
  return (Object.keys(ACTION_BITS) as Action[]).filter((action) => (bits & ACTION_BITS[action]) !== 0)
}

export function isAction(text: string): text is Action {
  return Object.hasOwn(ACTION_BITS, text)
}

export function isGranted(permissions: readonly Permission[], resource: string, action: Action): boolean {
  const bit = ACTION_BITS[action]
  return permissions.some((granted) => (granted.actions & bit) === bit && matches(granted.resource, resource))
}

/**
 * Whether a granted resource covers a required one, by the rules of AccelByte's IAM: sections are equal or the granted one
 * is `*`, over the common length; then the longer one decides. `*` in what is required is a literal.
 */
export function matches(granted: string, required: string): boolean {
  const given = granted.split(':')
  const wanted = required.split(':')
  const common = Math.min(given.length, wanted.length)
  for (let i = 0; i < common; i++) if (given[i] !== WILDCARD && given[i] !== wanted[i]) return false
  if (given.length < wanted.length) return coversEverythingBelow(given)
  return given.slice(common).every((section) => section === WILDCARD)
}

function coversEverythingBelow(given: readonly string[]): boolean {
  return given.at(-1) === WILDCARD && !IDENTITY_SECTIONS.has(given.at(-2) ?? '')
}

/**
 * At the times of a schedule `schedAction` applies instead of `Action`. Left out it means none, as Go leaves out a 0. Only what applies at all times
 * is granted here. IAM services write the names in more than one way, and read them without regard to case. Source: AccelByte's iam-go-sdk.
 */
const permission = z
  .preprocess(
    withLowerCaseNames,
    z.object({
      resource: z.string().min(1),
      action: z.int().min(0),
      schedaction: z.int().min(0).nullish(),
      schedcron: z.string().nullish(),
      schedrange: z.array(z.string()).nullish(),
    }),
  )
  .transform(({ resource, action, schedaction, schedcron, schedrange }): Permission => {
    const isScheduled = Boolean(schedcron) || Boolean(schedrange?.length)
    return { resource, actions: isScheduled ? action & (schedaction ?? 0) : action }
  })

function withLowerCaseNames(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name.toLowerCase(), each]))
}

/** The `permissions` of a role, in every spelling that IAM services use; null (a Go service's empty list) is none. */
export const permissionList: z.ZodType<Permission[]> = z
  .array(permission)
  .nullable()
  .transform((permissions) => permissions ?? [])

/** Those of a token, which may leave them out. */
export const permissionsClaim: z.ZodType<Permission[]> = permissionList.default([])

/** The spelling of tokens and of the token endpoint's answer. */
export function toClaim(permissions: readonly Permission[]): { Resource: string; Action: number }[] {
  return permissions.map(({ resource, actions }) => ({ Resource: resource, Action: actions }))
}
