/** Wrong values of what refers to other objects (Secrets, nodes, classes), and of what stands beside it. */
import { type Patch, type WrongManifest, wrongSpec } from './wrong-manifest.ts'

const wrongKafka = (name: string, kafka: Patch, value: string, allowed: string | RegExp): WrongManifest =>
  wrongSpec(`kafka.${name} ${JSON.stringify(value)}`, { kafka }, { field: `spec.kafka.${name}`, value, allowed })

const KEY = 'key of a Secret'
const NAME = 'lower-case letters'
const scram = { mechanism: 'SCRAM-SHA-512', secretRef: { name: 'user' } }
const oauth = { mechanism: 'OAUTHBEARER', secretRef: { name: 'client' }, tokenEndpoint: 'https://login/token' }

const kafka: readonly WrongManifest[] = [
  wrongKafka('tls.caSecretRef.name', { tls: { caSecretRef: { name: 'CA' } } }, 'CA', NAME),
  wrongKafka('tls.caSecretRef.key', { tls: { caSecretRef: { name: 'ca', key: 'a/b' } } }, 'a/b', KEY),
  wrongKafka('tls.certificateSecretRef.name', { tls: { certificateSecretRef: { name: 'my cert' } } }, 'my cert', NAME),
  wrongKafka(
    'tls.certificateSecretRef.certificateKey',
    { tls: { certificateSecretRef: { name: 'me', certificateKey: '../crt' } } },
    '../crt',
    KEY,
  ),
  wrongKafka(
    'tls.certificateSecretRef.privateKeyKey',
    { tls: { certificateSecretRef: { name: 'me', privateKeyKey: 'tls key' } } },
    'tls key',
    KEY,
  ),
  wrongKafka('sasl.secretRef.name', { sasl: { ...scram, secretRef: { name: 'user_1' } } }, 'user_1', NAME),
  wrongKafka('sasl.username', { sasl: { ...scram, username: '' } }, '', /at least 1/),
  wrongKafka('sasl.region', { sasl: { mechanism: 'AWS_MSK_IAM', region: 'US West' } }, 'US West', 'such as us-west-2'),
  wrongSpec(
    'kafka.sasl.scope as a list',
    { kafka: { sasl: { ...oauth, scope: ['kafka'] } } },
    { field: 'spec.kafka.sasl.scope', allowed: 'string' },
  ),
]

const wrongPod = (field: string, podTemplate: Patch, allowed: string | RegExp): WrongManifest =>
  wrongSpec(`podTemplate.${field} of the wrong kind`, { podTemplate }, { field: `spec.podTemplate.${field}`, allowed })

const pods: readonly WrongManifest[] = [
  wrongPod('nodeSelector.disk', { nodeSelector: { disk: 7 } }, 'string'),
  wrongPod('tolerations[0].key', { tolerations: [{ key: 7 }] }, 'string'),
  wrongPod('tolerations[0].operator', { tolerations: [{ key: 'a', operator: 'In' }] }, '"Exists"'),
  wrongPod('tolerations[0].value', { tolerations: [{ key: 'a', value: true }] }, 'string'),
  wrongPod(
    'tolerations[0].tolerationSeconds',
    { tolerations: [{ key: 'a', tolerationSeconds: '5m' }] },
    /integer|whole number/,
  ),
  wrongPod('affinity', { affinity: 'zone' }, 'object'),
  wrongPod('topologySpreadConstraints', { topologySpreadConstraints: 'zone' }, /array|list/),
  wrongPod('imagePullSecrets[0].name', { imagePullSecrets: [{ name: 7 }] }, 'string'),
  wrongPod('envFrom[0].prefix', { envFrom: [{ prefix: 7, secretRef: { name: 'a' } }] }, 'string'),
  wrongPod('envFrom[0].secretRef.name', { envFrom: [{ secretRef: { name: 7 } }] }, 'string'),
  wrongPod('envFrom[0].configMapRef.name', { envFrom: [{ configMapRef: { name: 7 } }] }, 'string'),
  wrongPod('priorityClassName', { priorityClassName: 7 }, 'string'),
]

export const wrongReferences: readonly WrongManifest[] = [...kafka, ...pods]
