import { expect, test } from 'vitest'
import * as z from 'zod'
import { celString, field, immutable, inRange, matches } from '../../src/contract/rule.ts'
import { FLUSH_SIZE } from '../../src/contract/units.ts'

const validations = (schema: z.ZodType) => schema.meta()?.['x-kubernetes-validations']

test('a text becomes a CEL literal that reads back as the same text', () => {
  expect(celString(`it's [\\d]`)).toBe(String.raw`'it\'s [\\d]'`)
})

test('a rule refuses with the same words here and on the API server', () => {
  const schema = field(z.string(), 'd', { rules: [matches('^a+$', "must be a's")] })
  expect(schema.safeParse('b').error?.issues[0]?.message).toBe(`"b" is not allowed: must be a's`)
  expect(validations(schema)).toEqual([
    {
      rule: "self.matches('^a+$')",
      message: "must be a's",
      messageExpression: String.raw`'"' + self + '" is not allowed: must be a\'s'`,
    },
  ])
})

test('all broken rules of a value are told', () => {
  const schema = field(z.string(), 'd', {
    rules: [matches('^a', 'must begin with a'), matches('z$', 'must end with z')],
  })
  expect(schema.safeParse('b').error?.issues).toHaveLength(2)
})

test('a value of the wrong type is not asked for its range', () => {
  const schema = field(z.union([z.int(), z.string()]), 'd', { rules: [inRange(FLUSH_SIZE)] })
  expect(schema.safeParse(true).error?.issues.map(({ code }) => code)).toEqual(['invalid_union'])
})

test('only the API server knows the old value of what cannot change', () => {
  expect(immutable().holds('anything')).toBe(true)
})
