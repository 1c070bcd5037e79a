import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { CONNECTOR_LABEL } from '../../src/contract/names.ts'
import type { Stack } from '../stack/stack.ts'
import { apply, kubectl } from './kubectl.ts'
import { selfSigned } from './self-signed.ts'

export interface HangingWebhook {
  readonly name: string
  /** Resolves when it is asked for the first time. */
  readonly asked: Promise<void>
  remove(): Promise<void>
}

/** The greatest that the API server allows. */
const TIMEOUT_SECONDS = 30

/** An admission webhook that the API server asks about the Deployments of one connector, and that never answers. */
export async function hangingWebhook(stack: Stack, namespace: string, connector: string): Promise<HangingWebhook> {
  const asked = Promise.withResolvers<void>()
  const credentials = await selfSigned()
  const server = createServer(credentials, () => asked.resolve())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const name = `hanging.${namespace}.example.com`
  const { port } = server.address() as AddressInfo
  const configuration = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        name,
        clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: credentials.cert.toString('base64') },
        rules: [
          { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] },
        ],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        objectSelector: { matchLabels: { [CONNECTOR_LABEL]: connector } },
        ...{
          failurePolicy: 'Fail',
          timeoutSeconds: TIMEOUT_SECONDS,
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
        },
      },
    ],
  }
  await apply(stack, configuration)
  return {
    name,
    asked: asked.promise,
    remove: async () => {
      await kubectl(stack, ['delete', 'validatingwebhookconfiguration', name, '--ignore-not-found'])
      server.close()
      server.closeAllConnections()
    },
  }
}
