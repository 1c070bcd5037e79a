import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { AnalyticsConnector } from '../../src/contract/resource.ts'
import type { Stack } from '../stack/stack.ts'
import { apply } from '../support/kubectl.ts'
import { s3CredentialsSecret } from '../support/manifests.ts'

export const CONNECTOR = 'game-events'
export const BUCKET = 'acme-events'
export const EDITED_PATH = 'by-event/{eventName}/year={yyyy}/month={MM}/day={dd}/{topic}.json'

const SECRET = 'acme-events-s3'

/** Applies deploy/samples/game-events.yaml as it is, but for where the bucket is and for a flush that a person need not wait for. */
export async function applySample(stack: Stack): Promise<void> {
  const sample = parse(
    await readFile(join(import.meta.dirname, '../../deploy/samples/game-events.yaml'), 'utf8'),
  ) as AnalyticsConnector
  await apply(stack, s3CredentialsSecret(stack, SECRET))
  await apply(stack, {
    ...sample,
    spec: {
      ...sample.spec,
      config: {
        ...sample.spec.config,
        endpoint: stack.inPod.s3Endpoint,
        forcePathStyle: true,
        region: stack.s3.region,
        credentialsSecretRef: { name: SECRET },
        flushInterval: '3s',
      },
    },
  })
}
