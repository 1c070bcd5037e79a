import type { MountedSecret } from '../../contract/kafka-access.ts'
import { KAFKA_SECRETS_DIR, REVISION_ANNOTATION, REVISIONS_DIR } from '../../contract/names.ts'
import type { AnalyticsConnectorSpec } from '../../contract/resource.ts'
import type { PodTemplateSpec } from '../../kube/kinds.ts'
import { defined } from '../../lib/defined.ts'
import { CONFIG_KEY, revisionConfigMapName } from './config-map.ts'
import { type Owner, sinkName } from './metadata.ts'

export type PodSpec = NonNullable<PodTemplateSpec['spec']>
export type Container = PodSpec['containers'][number]
type Volume = NonNullable<PodSpec['volumes']>[number]

/** What every pod of a connector needs, sink or not. */
export interface PodInput {
  readonly owner: Owner
  readonly spec: AnalyticsConnectorSpec
  readonly image: string
  readonly revision: string
  /** Of the connector's Kafka cluster. */
  readonly kafkaSecrets: readonly MountedSecret[]
  readonly resources: NonNullable<Container['resources']>
}

/** `spec.podTemplate` with the parts that its schema leaves to the API server typed as the pod's own. */
export type PodKnobs = Pick<
  PodSpec,
  'nodeSelector' | 'tolerations' | 'affinity' | 'topologySpreadConstraints' | 'imagePullSecrets' | 'priorityClassName'
> & { metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> } }

export function knobsOf({ podTemplate = {} }: AnalyticsConnectorSpec): PodKnobs {
  return podTemplate as PodKnobs
}

/** Labels and annotations: those that the connector asks for, overridden by ours. */
export function podMeta(
  { spec, revision }: PodInput,
  labels: Record<string, string>,
  annotations: Record<string, string> = {},
): NonNullable<PodTemplateSpec['metadata']> {
  const { metadata } = knobsOf(spec)
  return {
    labels: { ...metadata?.labels, ...labels },
    annotations: { ...metadata?.annotations, ...annotations, [REVISION_ANNOTATION]: revision },
  }
}

/** The spec of a pod with one container: the restricted pod security profile, and nothing of the Kubernetes API. */
export function podSpec({ owner, spec }: PodInput, container: Container, volumes: Volume[]): PodSpec {
  const { nodeSelector, tolerations, affinity, imagePullSecrets, priorityClassName } = knobsOf(spec)
  return {
    serviceAccountName: spec.serviceAccountName ?? sinkName(owner.name),
    // A role for a cloud (IRSA, Pod Identity) brings its own projected token, so this holds for every service account.
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [container],
    volumes,
    ...defined({ nodeSelector, tolerations, affinity, imagePullSecrets, priorityClassName }),
  }
}

/** What the container of every pod has beside its arguments: image, environment, and the files of `revisionVolume` and `kafkaVolumes`. */
export function containerBase({ image, spec, resources, kafkaSecrets }: PodInput) {
  return {
    image,
    ...(spec.podTemplate?.envFrom ? { envFrom: spec.podTemplate.envFrom.map(envSource) } : {}),
    resources,
    // The end of a failed pod's log becomes its termination message, and from there an error in the connector's status.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'revisions', mountPath: REVISIONS_DIR, readOnly: true },
      ...(kafkaSecrets.length > 0 ? [{ name: 'kafka-secrets', mountPath: KAFKA_SECRETS_DIR, readOnly: true }] : []),
    ],
  } satisfies Partial<Container>
}

/** Where the mounted files are: said although they are the defaults, so that the pod shows where they are read from. */
export function fileArgs({ kafkaSecrets }: PodInput): string[] {
  return [
    '--revisions-dir',
    REVISIONS_DIR,
    ...(kafkaSecrets.length > 0 ? ['--kafka-secrets-dir', KAFKA_SECRETS_DIR] : []),
  ]
}

type EnvFrom = NonNullable<NonNullable<AnalyticsConnectorSpec['podTemplate']>['envFrom']>[number]

function envSource({ prefix, secretRef, configMapRef }: EnvFrom): NonNullable<Container['envFrom']>[number] {
  return {
    ...(prefix === undefined ? {} : { prefix }),
    ...(secretRef ? { secretRef: { name: secretRef.name } } : {}),
    ...(configMapRef ? { configMapRef: { name: configMapRef.name } } : {}),
  }
}

/** `mountedRevisions` of the configuration, the pod's own among them. */
export function revisionVolume({ owner, revision }: PodInput, mountedRevisions: readonly string[]): Volume {
  const sources = mountedRevisions.map((each) => ({
    configMap: {
      name: revisionConfigMapName(owner.name, each),
      items: [{ key: CONFIG_KEY, path: `${each}.json` }],
      // Only its own revision is worth waiting for; an older one may be gone by the time a pod starts.
      ...(each === revision ? {} : { optional: true }),
    },
  }))
  return { name: 'revisions', projected: { sources } }
}

/** Optional, so that the pod starts and says what is missing: one that waits for a Secret says nothing in its status. */
export function kafkaVolumes({ kafkaSecrets }: PodInput): Volume[] {
  const sources = kafkaSecrets.map(({ name, files }) => ({ secret: { name, items: [...files], optional: true } }))
  return sources.length > 0 ? [{ name: 'kafka-secrets', projected: { sources } }] : []
}
