import { expect, it } from 'vitest'
import { referencesOf } from '../../src/contract/references.ts'
import { aSpec } from '../operator/builders.ts'

const OPERATORS = { bootstrapServers: ['kafka:9092'], tls: { caSecretRef: { name: 'operators-ca' } } }
const { config } = aSpec()

it('names everything whose content reaches the sinks, each once', () => {
  const spec = aSpec({
    config: { ...config, credentialsSecretRef: { name: 'keys' }, tls: { caSecretRef: { name: 's3-ca' } } },
    podTemplate: { envFrom: [{ secretRef: { name: 'keys' } }, { configMapRef: { name: 'proxy' } }] },
  })
  expect(referencesOf(spec, { bootstrapServers: ['kafka:9092'] })).toEqual([
    { kind: 'Secret', name: 'keys' },
    { kind: 'Secret', name: 's3-ca' },
    { kind: 'ConfigMap', name: 'proxy' },
  ])
})

it('names the Secrets of the Kafka cluster that is used, the operator’s or its own', () => {
  expect(referencesOf(aSpec(), OPERATORS)).toEqual([{ kind: 'Secret', name: 'operators-ca' }])
  const kafka = { bootstrapServers: ['other:9093'], tls: { caSecretRef: { name: 'ca' } } }
  expect(referencesOf(aSpec({ kafka }), OPERATORS)).toEqual([{ kind: 'Secret', name: 'ca' }])
})

it('is content with what cannot be resolved: that is for the status to say', () => {
  const sasl = { mechanism: 'PLAIN' as const, secretRef: { name: 'login' } }
  expect(referencesOf(aSpec({ kafka: { bootstrapServers: ['other:9092'], sasl } }), OPERATORS)).toEqual([])
})
