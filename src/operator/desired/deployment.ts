import type { MountedSecret } from '../../contract/kafka-access.ts'
import {
  HTTP_PORT,
  KAFKA_SECRETS_DIR,
  RESTART_ANNOTATION,
  REVISION_ANNOTATION,
  REVISIONS_DIR,
  S3_CREDENTIALS_DIR,
} from '../../contract/names.ts'
import type { AnalyticsConnectorSpec } from '../../contract/resource.ts'
import type { Deployment, PodTemplateSpec } from '../../kube/kinds.ts'
import { CONFIG_KEY, revisionConfigMapName } from './config-map.ts'
import {
  hashOf,
  type Owner,
  objectLabels,
  objectMeta,
  REFERENCES_ANNOTATION,
  selectorLabels,
  sinkName,
  TEMPLATE_ANNOTATION,
} from './metadata.ts'

type PodSpec = NonNullable<PodTemplateSpec['spec']>
type Container = PodSpec['containers'][number]
type Volume = NonNullable<PodSpec['volumes']>[number]

export interface DeploymentInput {
  readonly owner: Owner
  readonly spec: AnalyticsConnectorSpec
  readonly image: string
  /** 0 while paused. */
  readonly replicas: number
  readonly revision: string
  /** Revisions that the pods can read, `revision` among them: an older one's unfinished work is finished under it. */
  readonly mountedRevisions: readonly string[]
  /** Of the connector's Kafka cluster. */
  readonly kafkaSecrets: readonly MountedSecret[]
  /** Longest time a sink takes to write and commit what it holds, in seconds. */
  readonly drainSeconds: number
  readonly resources: NonNullable<Container['resources']>
  readonly restartRequestedAt: string | undefined
  /** State of the Secrets and ConfigMaps that the pods read; empty for none, or unknown. */
  readonly references: string
}

export const CONTAINER_NAME = 'sink'
/** Between the end of the drain and SIGKILL, in seconds: the last commit and leaving the group. */
const TERMINATION_MARGIN_SECONDS = 15
/** A rollout without progress for so long is reported as stuck. Pulling an image and joining a group take less. */
const PROGRESS_DEADLINE_SECONDS = 300

/**
 * The Deployment of a connector's sinks. New pods must be ready, that is deliver, before old ones go (maxUnavailable 0), so a wrong edit never
 * stops what runs.
 */
export function desiredDeployment(input: DeploymentInput): Deployment {
  const { owner, replicas, revision } = input
  return {
    metadata: objectMeta(owner, sinkName(owner.name), { [REVISION_ANNOTATION]: revision }),
    spec: {
      replicas,
      revisionHistoryLimit: 2,
      progressDeadlineSeconds: PROGRESS_DEADLINE_SECONDS,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      selector: { matchLabels: selectorLabels(owner.name) },
      template: withTemplateName(podTemplate(input)),
    },
  }
}

function withTemplateName(template: PodTemplateSpec): PodTemplateSpec {
  const annotations = { ...template.metadata?.annotations, [TEMPLATE_ANNOTATION]: hashOf(template) }
  return { ...template, metadata: { ...template.metadata, annotations } }
}

function podTemplate(input: DeploymentInput): PodTemplateSpec {
  const { owner, spec, revision, restartRequestedAt, references } = input
  const knobs = (spec.podTemplate ?? {}) as PodKnobs
  return {
    metadata: {
      labels: { ...knobs.metadata?.labels, ...objectLabels(owner.name) },
      annotations: {
        ...knobs.metadata?.annotations,
        ...(restartRequestedAt === undefined ? {} : { [RESTART_ANNOTATION]: restartRequestedAt }),
        ...(references === '' ? {} : { [REFERENCES_ANNOTATION]: references }),
        [REVISION_ANNOTATION]: revision,
      },
    },
    spec: {
      serviceAccountName: spec.serviceAccountName ?? sinkName(owner.name),
      // A role for a cloud (IRSA, Pod Identity) brings its own projected token, so this holds for every service account.
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: input.drainSeconds + TERMINATION_MARGIN_SECONDS,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [sinkContainer(input)],
      volumes: volumes(input),
      topologySpreadConstraints: knobs.topologySpreadConstraints ?? [spreadOverNodes(owner.name)],
      ...definedOf(knobs, ['nodeSelector', 'tolerations', 'affinity', 'imagePullSecrets', 'priorityClassName']),
    },
  }
}

/** `spec.podTemplate` with the parts that its schema leaves to the API server typed as the pod's own. */
type PodKnobs = Pick<
  PodSpec,
  'nodeSelector' | 'tolerations' | 'affinity' | 'topologySpreadConstraints' | 'imagePullSecrets' | 'priorityClassName'
> & { metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> } }

function definedOf<T extends object, K extends keyof T>(object: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.filter((key) => object[key] !== undefined).map((key) => [key, object[key]])) as Pick<
    T,
    K
  >
}

function sinkContainer(input: DeploymentInput): Container {
  const { image, revision, drainSeconds, resources, spec, kafkaSecrets } = input
  const probe = (path: string) => ({ httpGet: { path, port: 'http' }, timeoutSeconds: 5 })
  return {
    name: CONTAINER_NAME,
    image,
    args: [
      'sink',
      '--revision',
      revision,
      // Said although they are the defaults, so that the pod shows where its files are read from.
      '--revisions-dir',
      REVISIONS_DIR,
      ...(spec.config.credentialsSecretRef ? ['--credentials-dir', S3_CREDENTIALS_DIR] : []),
      ...(kafkaSecrets.length > 0 ? ['--kafka-secrets-dir', KAFKA_SECRETS_DIR] : []),
      '--listen-address',
      '$(POD_IP)',
      '--port',
      String(HTTP_PORT),
      '--drain-timeout',
      `${drainSeconds}s`,
    ],
    ...(spec.podTemplate?.envFrom ? { envFrom: spec.podTemplate.envFrom.map(envSource) } : {}),
    env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
    ports: [{ name: 'http', containerPort: HTTP_PORT, protocol: 'TCP' }],
    resources,
    // A minute to begin to listen; from then on a process that does not answer for half a minute is restarted.
    startupProbe: { ...probe('/healthz'), periodSeconds: 1, failureThreshold: 60 },
    livenessProbe: { ...probe('/healthz'), periodSeconds: 10, failureThreshold: 3 },
    readinessProbe: { ...probe('/readyz'), periodSeconds: 2, failureThreshold: 3 },
    // The end of a crashed sink's log becomes the pod's termination message, and from there the connector's error.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'revisions', mountPath: REVISIONS_DIR, readOnly: true },
      ...(spec.config.credentialsSecretRef
        ? [{ name: 's3-credentials', mountPath: S3_CREDENTIALS_DIR, readOnly: true }]
        : []),
      ...(kafkaSecrets.length > 0 ? [{ name: 'kafka-secrets', mountPath: KAFKA_SECRETS_DIR, readOnly: true }] : []),
    ],
  }
}

type EnvFrom = NonNullable<NonNullable<AnalyticsConnectorSpec['podTemplate']>['envFrom']>[number]

function envSource({ prefix, secretRef, configMapRef }: EnvFrom): NonNullable<Container['envFrom']>[number] {
  return {
    ...(prefix === undefined ? {} : { prefix }),
    ...(secretRef ? { secretRef: { name: secretRef.name } } : {}),
    ...(configMapRef ? { configMapRef: { name: configMapRef.name } } : {}),
  }
}

function volumes({ owner, spec, revision, mountedRevisions, kafkaSecrets }: DeploymentInput): Volume[] {
  const sources = mountedRevisions.map((each) => ({
    configMap: {
      name: revisionConfigMapName(owner.name, each),
      items: [{ key: CONFIG_KEY, path: `${each}.json` }],
      // Only its own revision is worth waiting for; an older one may be gone by the time a pod starts.
      ...(each === revision ? {} : { optional: true }),
    },
  }))
  const secret = spec.config.credentialsSecretRef
  return [
    { name: 'revisions', projected: { sources } },
    // Optional, so that the sink starts and says what is missing: a pod that waits for a Secret says nothing in its status.
    ...(secret ? [{ name: 's3-credentials', secret: { secretName: secret.name, optional: true } }] : []),
    ...(kafkaSecrets.length > 0
      ? [{ name: 'kafka-secrets', projected: { sources: kafkaSecrets.map(secretSource) } }]
      : []),
  ]
}

function secretSource({ name, files }: MountedSecret) {
  return { secret: { name, items: [...files], optional: true } }
}

function spreadOverNodes(connectorName: string): NonNullable<PodSpec['topologySpreadConstraints']>[number] {
  return {
    maxSkew: 1,
    topologyKey: 'kubernetes.io/hostname',
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels: selectorLabels(connectorName) },
  }
}
