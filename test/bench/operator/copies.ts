import { randomUUID } from 'node:crypto'
import { CONNECTOR_LABEL, ID_LABEL } from '../../../src/contract/names.ts'
import type { KubeApi } from '../../../src/kube/api.ts'
import {
  CONFIG_MAPS,
  CONNECTORS,
  DEPLOYMENTS,
  type Kind,
  type KubeObject,
  keyOf,
  PODS,
  SERVICE_ACCOUNTS,
} from '../../../src/kube/kinds.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { Slots } from '../../../src/lib/slots.ts'
import { Applier } from '../../../src/operator/apply.ts'
import { planOf } from '../../../src/operator/checks.ts'
import { parseOperatorConfig } from '../../../src/operator/config.ts'
import { APPLIED_ANNOTATION, TEMPLATE_ANNOTATION } from '../../../src/operator/desired/metadata.ts'
import { desiredObjects } from '../../../src/operator/desired/objects.ts'
import type { Observed } from '../../../src/operator/observe.ts'
import type { SimulatedNode } from '../../support/simulated-node.ts'
import { OPERATOR_CONFIG } from './cluster.ts'
import type { ConnectorName } from './connectors.ts'

const REPLICA_SETS: Kind<KubeObject> = { apiVersion: 'apps/v1', kind: 'ReplicaSet', plural: 'replicasets' }
/** Of the copied kinds, in the order in which they are needed. */
const KINDS: readonly Kind<KubeObject>[] = [CONNECTORS, SERVICE_ACCOUNTS, CONFIG_MAPS, DEPLOYMENTS, REPLICA_SETS, PODS]
/** Transactions under way at the same time. */
const AT_ONCE = 20

export interface CopiesOptions {
  readonly api: KubeApi
  /** Client address of etcd. */
  readonly etcd: string
  readonly node: Pick<SimulatedNode, 'reserve'>
  /** A connector that is Ready, and whose name and namespace are in no other word. */
  readonly original: ConnectorName
  readonly names: readonly ConnectorName[]
}

/**
 * Copies a converged connector with everything that the operator and Kubernetes' controllers have made for it, straight into etcd: ten
 * thousand in a minute instead of the half hour that a quarter of a million writes to an API server on two cores take. A copy differs in
 * what differs between connectors: name, uids, id, address, and the hashes that follow from them.
 */
export async function copyConnector({ api, etcd, node, original, names }: CopiesOptions): Promise<void> {
  const objects = await objectsOf(api, original)
  const text = JSON.stringify(objects)
  const uids = objects.map(({ metadata }) => metadata?.uid ?? '')
  const [connector] = objects
  if (!connector) throw new Error(`there is no connector ${original.namespace}/${original.name}`)
  const spec = (connector as unknown as Pick<Observed, 'spec'>).spec
  const podIP = /"podIP":"([^"]+)"/.exec(text)?.[1] ?? ''
  const hashes = await hashesOf({ ...original, uid: uids[0] ?? '' }, spec)
  let id = 1
  const copy = async ({ namespace, name }: ConnectorName) => {
    const newUids = uids.map(() => randomUUID())
    const theirSpec = JSON.parse(JSON.stringify(spec).replaceAll(original.name, name))
    const theirs = await hashesOf({ namespace, name, uid: newUids[0] ?? '' }, theirSpec)
    const address = await node.reserve()
    const pairs = [...uids.map((uid, i) => [uid, newUids[i]]), ...hashes.map((hash, i) => [hash, theirs[i]])]
    const places = [
      [original.name, name],
      [original.namespace, namespace],
      [podIP, address],
    ]
    const copied = [...pairs, ...places].reduce((whole, [from = '', to = '']) => whole.replaceAll(from, to), text)
    return withId(JSON.parse(copied) as KubeObject[], ++id)
  }
  const slots = new Slots(AT_ONCE)
  // A transaction for each: it has one resource version, and a watch that resumes behind it misses what else of a kind it made.
  await Promise.all(names.map((name) => slots.run(async () => put(etcd, await copy(name)))))
}

async function objectsOf(api: KubeApi, { namespace, name }: ConnectorName): Promise<KubeObject[]> {
  const scope = { namespace, labelSelector: `${CONNECTOR_LABEL}=${name}` }
  const lists = await Promise.all(
    KINDS.map(async (kind) => {
      const items =
        kind === CONNECTORS ? [await api.get(kind, { namespace, name })] : (await api.list(kind, scope)).items
      return items.flatMap((item) => (item ? [{ ...item, apiVersion: kind.apiVersion, kind: kind.kind }] : []))
    }),
  )
  for (const { metadata } of lists.flat()) delete metadata?.resourceVersion
  return lists.flat()
}

/** The hashes that the operator gives the objects of a connector, always in the same order. */
async function hashesOf(owner: Observed['owner'], spec: Observed['spec']): Promise<string[]> {
  const config = parseOperatorConfig(JSON.stringify(OPERATOR_CONFIG), 'bench')
  const nothing = {
    deployment: undefined,
    keepOffsets: undefined,
    keeping: { sinceMs: undefined, renewedAt: undefined, failure: undefined },
    deleteGroup: undefined,
    idleMs: 0,
    conflict: undefined,
    ending: undefined,
    serviceAccount: undefined,
    podDisruptionBudget: undefined,
    configMaps: [],
    pods: [],
  }
  const observed: Observed = {
    ...{ key: `${owner.namespace}/${owner.name}`, owner, spec, generation: 1, resourceVersion: '', status: undefined },
    ...{ restartRequestedAt: undefined, references: '', finalizers: [], deletedAtMs: undefined, ...nothing },
  }
  const { realm, kafka, topicPatterns, drainSeconds, sinkResources } = config
  const plan = planOf(observed, { realm, kafka, topicPatterns })
  const sink = { image: 'simulated:1', drainSeconds, resources: sinkResources }
  const { before, deployment } = desiredObjects(observed, plan, sink)
  const applied: string[] = []
  const apply = async <T extends KubeObject>(_kind: Kind<T>, object: T) => {
    applied.push(object.metadata?.annotations?.[APPLIED_ANNOTATION] ?? '')
    return object
  }
  const list = async () => ({ items: [], resourceVersion: '' })
  const unused = { get: async () => undefined, list, patch: async () => ({}) as never, delete: async () => {} }
  const applier = new Applier({ ...unused, apply }, systemClock)
  for (const each of [...before, deployment]) await applier.apply(observed.key, each)
  const template = deployment.object.spec?.template.metadata?.annotations?.[TEMPLATE_ANNOTATION] ?? ''
  return [plan.revision, template, ...applied]
}

function withId(objects: KubeObject[], id: number): KubeObject[] {
  const [connector] = objects as [KubeObject & { status: { id: number } }]
  connector.status.id = id
  connector.metadata = { ...connector.metadata, labels: { ...connector.metadata?.labels, [ID_LABEL]: String(id) } }
  return objects
}

/** Source: etcd's gRPC gateway, /v3/kv/txn. The API server reads JSON from etcd as well as the protobuf that it writes. */
async function put(etcd: string, objects: readonly KubeObject[]): Promise<void> {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const success = objects.map((object) => ({
    requestPut: { key: base64(etcdKey(object)), value: base64(JSON.stringify(object)) },
  }))
  const response = await fetch(`${etcd}/v3/kv/txn`, { method: 'POST', body: JSON.stringify({ success }) })
  if (!response.ok) throw new Error(`etcd: ${response.status} ${await response.text()}`)
}

function etcdKey(object: KubeObject): string {
  const kind = KINDS.find((each) => each.kind === object.kind)
  const group = kind === CONNECTORS ? `${kind.apiVersion.split('/')[0]}/` : ''
  return `/registry/${group}${kind?.plural}/${keyOf(object)}`
}
