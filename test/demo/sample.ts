import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { AnalyticsConnector } from '../../src/contract/resource.ts'
import { DEPLOY } from '../repository.ts'
import type { Stack } from '../stack/stack.ts'
import { s3CredentialsSecret } from '../support/manifests.ts'

export const CONNECTOR = 'game-events'
export const BUCKET = 'acme-events'
export const EDITED_PATH = 'by-event/{eventName}/year={yyyy}/month={MM}/day={dd}/{topic}.json'

const SECRET = 'acme-events-s3'

/** Two namespaces, three event names: what the sample's filter selects. */
export const TARGETS = [
  { namespace: 'acme', eventName: 'gameStarted' },
  { namespace: 'acme-eu', eventName: 'gameStarted' },
  { namespace: 'acme-eu', eventName: 'gameEnded' },
  { namespace: 'acme-eu', eventName: 'itemBought' },
]
export const EVENTS_PER_SECOND = 200

/** deploy/samples/game-events.yaml as it is, but for where the bucket is and for a flush that a person need not wait for. */
export async function localSample(stack: Stack): Promise<[secret: object, connector: AnalyticsConnector]> {
  const sample = parse(await readFile(join(DEPLOY, 'samples/game-events.yaml'), 'utf8')) as AnalyticsConnector
  const config = {
    ...sample.spec.config,
    endpoint: stack.inPod.s3Endpoint,
    forcePathStyle: true,
    region: stack.s3.region,
    credentialsSecretRef: { name: SECRET },
    flushInterval: '3s',
  }
  return [s3CredentialsSecret(stack, SECRET), { ...sample, spec: { ...sample.spec, config } }]
}
