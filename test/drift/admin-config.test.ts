/** The configuration that deploy/admin ships can be used, as it is and with what its comments offer. */
import { expect, test } from 'vitest'
import * as z from 'zod'
import { adminConfigSchema, connectorNamespaceOf, parseAdminConfig } from '../../src/admin/config.ts'
import { operatorConfigSchema, parseOperatorConfig } from '../../src/operator/config.ts'
import { textOf } from './files.ts'

const shipped = textOf('deploy/admin/admin.yaml')

test('the file as it is accepts the tokens of the built-in issuer', () => {
  expect(parseAdminConfig(shipped, 'admin.yaml').auth).toMatchObject({ builtIn: { tokenSeconds: 3_600 } })
})

test.each([
  ['namespace', 'analytics-connector'],
  ['namespaces', 'games'],
])('deploy/admin/%s makes connectors in %s, as the operator beside it looks after them there', (folder, namespace) => {
  const config = parseAdminConfig(textOf(`deploy/admin/${folder}/admin.yaml`), 'admin.yaml')
  const operator = parseOperatorConfig(textOf(`deploy/overlays/${folder}/operator.yaml`), 'operator.yaml')
  expect(connectorNamespaceOf(config, 'analytics-connector', 'admin.yaml')).toBe(namespace)
  expect(config.watchNamespaces).toEqual(operator.watchNamespaces)
})

test('every line that is commented out can be used', () => {
  const written = shipped
    .replace('  builtIn: {} ', '')
    .replace(/^( *)# (\w+:| {2}\w+:)/gm, '$1$2')
    .replace(/^ +# .*make.*$/gm, '')
  const { auth, kafka, roleArn, trustedProxies } = parseAdminConfig(written, 'admin.yaml')
  expect(Object.keys(auth ?? {}).sort()).toEqual(['builtIn', 'iam', 'kubernetes'])
  expect(kafka.sasl?.mechanism).toBe('SCRAM-SHA-512')
  expect([roleArn, trustedProxies]).toEqual([expect.stringContaining('arn:'), ['10.0.0.0/8']])
})

test('both files have every field, as other pages say of them', () => {
  const missing = (fields: string[], text: string) => fields.filter((name) => !new RegExp(`\\b${name}:`).test(text))
  expect(missing(fieldsOf(adminConfigSchema), shipped)).toEqual([])
  // What tls and sasl are is in docs/fields.md.
  expect(missing(Object.keys(operatorConfigSchema.shape), textOf('deploy/base/operator.yaml'))).toEqual([])
})

function fieldsOf(schema: unknown): string[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return fieldsOf(schema.unwrap())
  if (!(schema instanceof z.ZodObject)) return []
  return Object.entries(schema.shape).flatMap(([name, each]) => [name, ...fieldsOf(each)])
}
