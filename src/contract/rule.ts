import * as z from 'zod'
import { isQuantity, type Quantity } from './units.ts'

/**
 * One thing that must hold of a value, said twice: in CEL for the API server and in TypeScript for everything else.
 * Both refuse with the same words: `<value> is not allowed: <allowed>`.
 */
export interface Rule<T> {
  /**
   * CEL; the value is `self`. Source: "Validation rules", Kubernetes documentation on CustomResourceDefinitions. The
   * server refuses a rule whose estimated cost is too high, so everything under a rule is bounded.
   */
  readonly cel: string
  readonly holds: (value: T) => boolean
  /** Begins with "must", in one line. */
  readonly allowed: string
  /** CEL of the whole message; by default it shows the value, which must then be text. Null: `allowed` alone. */
  readonly celMessage?: string | null
}

/** The entry of `x-kubernetes-validations` for a rule. */
interface Validation {
  rule: string
  message: string
  messageExpression?: string
}

/**
 * Attaches description, rules and the CRD's own keywords to a schema. Comes last in a chain: zod keeps metadata per
 * instance. The elements of a list have no description: kubectl adds it to the list's.
 */
export function field<S extends z.ZodType>(
  schema: S,
  description: string,
  { rules = [], ...keywords }: { rules?: readonly Rule<z.output<S>>[]; [keyword: string]: unknown } = {},
): S {
  const checked = rules.length === 0 ? schema : schema.superRefine((value, context) => report(rules, value, context))
  const validations = rules.map(toValidation)
  return checked.meta({
    ...(description === '' ? {} : { description }),
    ...keywords,
    ...(validations.length > 0 ? { 'x-kubernetes-validations': validations } : {}),
  })
}

function report<T>(rules: readonly Rule<T>[], value: T, context: z.RefinementCtx): void {
  for (const rule of rules) {
    if (!rule.holds(value)) context.addIssue({ code: 'custom', message: refusal(rule, value) })
  }
}

/** `"<value>" is not allowed: must …`; without the value where it is an object. */
export function refusal<T>({ allowed }: Rule<T>, value: T): string {
  return typeof value === 'object' ? allowed : `"${value}" is not allowed: ${allowed}`
}

function toValidation<T>({ cel, allowed, celMessage }: Rule<T>): Validation {
  const validation = { rule: cel, message: allowed }
  if (celMessage === null) return validation
  return { ...validation, messageExpression: celMessage ?? celRefusal('self', allowed) }
}

function celRefusal(shown: string, allowed: string): string {
  return `'"' + ${shown} + ${celString(`" is not allowed: ${allowed}`)}`
}

/** A CEL string literal. */
export function celString(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

/** A map with at most `maxProperties` entries: a bound that the cost estimate of every rule below it needs. */
export function boundedMap<V extends z.ZodType>(value: V, maxProperties: number) {
  return z
    .record(z.string(), value)
    .refine((map) => Object.keys(map).length <= maxProperties, { error: `must have at most ${maxProperties} items` })
    .meta({ maxProperties })
}

/** The value matches an anchored pattern. Only syntax that RE2 (the API server) and JavaScript read alike. */
export function matches(pattern: string, allowed: string): Rule<string> {
  const compiled = new RegExp(pattern, 'u')
  return { cel: `self.matches(${celString(pattern)})`, holds: (value) => compiled.test(value), allowed }
}

/** The value does not match a pattern. */
export function doesNotMatch(pattern: string, allowed: string): Rule<string> {
  const compiled = new RegExp(pattern, 'u')
  return { cel: `!self.matches(${celString(pattern)})`, holds: (value) => !compiled.test(value), allowed }
}

/** An int-or-string field with a unit, in its range. */
export function inRange(quantity: Quantity): Rule<string | number> {
  const { pattern, factors, min, max, divides, allowed } = quantity
  const factorMap = Object.entries(factors).map(([unit, factor]) => `${celString(unit)}: ${factor}`)
  const base = `int(string(self).find('^[0-9]+')) * {${factorMap.join(', ')}}[string(self).find('[A-Za-z]*$')]`
  const within = [`${base} >= ${min}`, `${base} <= ${max}`]
  if (divides !== undefined) within.push(`${divides} % (${base}) == 0`)
  return {
    cel: `string(self).matches(${celString(pattern)}) && ${within.join(' && ')}`,
    holds: (value) => isQuantity(quantity, value),
    allowed,
    celMessage: celRefusal('string(self)', allowed),
  }
}

/** The value never changes after creation. Only the API server knows the old value. */
export function immutable(): Rule<string> {
  return {
    cel: 'self == oldSelf',
    holds: () => true,
    allowed: 'must stay as it was at creation: delete the connector and create another to change it',
    celMessage: `'"' + self + '" is not allowed: must stay "' + oldSelf + '", as it was at creation; delete the connector and create another to change it'`,
  }
}
