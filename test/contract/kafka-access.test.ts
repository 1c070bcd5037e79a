import { describe, expect, it } from 'vitest'
import { type KafkaAccess, kafkaAccessOf, kafkaSecretsOf, sinkKafkaAccess } from '../../src/contract/kafka-access.ts'

const operators: KafkaAccess = {
  bootstrapServers: ['kafka:9093'],
  tls: { caSecretRef: { name: 'kafka-ca' } },
  sasl: { mechanism: 'PLAIN', secretRef: { name: 'kafka-user' } },
}

describe('a connector’s Kafka cluster', () => {
  it('is the operator’s, with its TLS and SASL', () => {
    expect(kafkaAccessOf(undefined, operators)).toEqual(operators)
    const sasl = { mechanism: 'SCRAM-SHA-512', secretRef: { name: 'mine' } } as const
    expect(kafkaAccessOf({ sasl }, operators)).toEqual({ ...operators, sasl })
  })

  it('is shown none of the operator’s credentials when it is another one', () => {
    expect(kafkaAccessOf({ bootstrapServers: ['other:9092'] }, operators)).toEqual({ bootstrapServers: ['other:9092'] })
  })

  it('is shown no password without TLS, wherever the two come from', () => {
    const plain = { bootstrapServers: ['kafka:9092'] }
    const sasl = { mechanism: 'PLAIN', secretRef: { name: 'mine' } } as const
    expect(() => kafkaAccessOf({ sasl }, plain)).toThrow('must have tls where sasl.mechanism is PLAIN')
    expect(kafkaAccessOf({ sasl: { ...sasl, mechanism: 'SCRAM-SHA-256' } }, plain).sasl).toBeDefined()
  })
})

describe('what a sink is told', () => {
  it('says which files are mounted, and names no Secret', () => {
    const access: KafkaAccess = {
      ...operators,
      tls: { ...operators.tls, certificateSecretRef: { name: 'kafka-client' }, serverName: 'kafka.example' },
    }
    expect(sinkKafkaAccess(access)).toEqual({
      bootstrapServers: ['kafka:9093'],
      tls: { authorities: 'mounted', certificate: 'mounted', serverName: 'kafka.example' },
      sasl: { mechanism: 'PLAIN' },
    })
  })

  it('says which authorities are trusted when none are named', () => {
    expect(sinkKafkaAccess({ bootstrapServers: ['k:1'], tls: {} }).tls).toEqual({
      authorities: 'system',
      certificate: 'none',
    })
  })

  it.each([
    [{ mechanism: 'AWS_MSK_IAM', region: 'us-west-2' }],
    [{ mechanism: 'OAUTHBEARER', tokenEndpoint: 'https://login/token', scope: 'kafka' }],
    [{ mechanism: 'SCRAM-SHA-512', username: 'events' }],
  ] as const)('has what %o needs', (sasl) => {
    const secretRef = sasl.mechanism === 'AWS_MSK_IAM' ? {} : { secretRef: { name: 's' } }
    expect(sinkKafkaAccess({ bootstrapServers: ['k:1'], sasl: { ...sasl, ...secretRef } }).sasl).toEqual(sasl)
  })
})

describe('the files of the Secrets', () => {
  it('have fixed names, whatever the keys are called', () => {
    const secrets = kafkaSecretsOf({
      bootstrapServers: [],
      tls: {
        caSecretRef: { name: 'cluster-ca-cert', key: 'ca.pem' },
        certificateSecretRef: { name: 'user', certificateKey: 'user.crt', privateKeyKey: 'user.key' },
      },
      sasl: { mechanism: 'OAUTHBEARER', secretRef: { name: 'client' }, tokenEndpoint: 'https://x' },
    })
    expect(secrets).toEqual([
      { name: 'cluster-ca-cert', files: [{ key: 'ca.pem', path: 'ca.crt' }] },
      {
        name: 'user',
        files: [
          { key: 'user.crt', path: 'tls.crt' },
          { key: 'user.key', path: 'tls.key' },
        ],
      },
      {
        name: 'client',
        files: [
          { key: 'client-id', path: 'client-id' },
          { key: 'client-secret', path: 'client-secret' },
        ],
      },
    ])
  })

  it('need no user name when the resource has it, as with the Secrets of Strimzi', () => {
    const sasl = { mechanism: 'SCRAM-SHA-512', secretRef: { name: 'events' }, username: 'events' } as const
    expect(kafkaSecretsOf({ bootstrapServers: [], sasl })).toEqual([
      { name: 'events', files: [{ key: 'password', path: 'password' }] },
    ])
  })
})
