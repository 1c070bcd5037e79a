import {
  CA_FILE,
  HTTP_PORT,
  RESTART_ANNOTATION,
  REVISION_ANNOTATION,
  S3_AUTHORITIES_DIR,
  S3_CREDENTIALS_DIR,
  SINK_ENVIRONMENT,
} from '../../contract/names.ts'
import type { Deployment, PodTemplateSpec } from '../../kube/kinds.ts'
import {
  hashOf,
  objectLabels,
  objectMeta,
  REFERENCES_ANNOTATION,
  selectorLabels,
  sinkName,
  TEMPLATE_ANNOTATION,
} from './metadata.ts'
import {
  type Container,
  containerBase,
  fileArgs,
  kafkaVolumes,
  knobsOf,
  type PodInput,
  type PodSpec,
  podMeta,
  podSpec,
  revisionVolume,
} from './pod.ts'

export interface DeploymentInput extends PodInput {
  /** 0 while paused. */
  readonly replicas: number
  /** Revisions that the pods can read, `revision` among them: an older one's unfinished work is finished under it. */
  readonly mountedRevisions: readonly string[]
  /** Longest time a sink takes to write and commit what it holds, in seconds. */
  readonly drainSeconds: number
  readonly restartRequestedAt: string | undefined
  /** State of the Secrets and ConfigMaps that the pods read; empty for none, or unknown. */
  readonly references: string
}

export const CONTAINER_NAME = 'sink'
/** Between the end of the drain and SIGKILL, in seconds: the last commit and leaving the group. */
const TERMINATION_MARGIN_SECONDS = 15
/**
 * From the probe that gives a sink up to SIGKILL, in seconds, instead of the pod's whole grace period: what does not answer does not drain
 * either, and what it held is read again (docs/delivery.md).
 */
const HUNG_GRACE_SECONDS = 5
/** A rollout without progress for so long is reported as stuck. Pulling an image and joining a group take less. */
export const PROGRESS_DEADLINE_SECONDS = 300

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
  const { owner, spec, restartRequestedAt, references, mountedRevisions } = input
  const annotations = {
    ...(restartRequestedAt === undefined ? {} : { [RESTART_ANNOTATION]: restartRequestedAt }),
    ...(references === '' ? {} : { [REFERENCES_ANNOTATION]: references }),
  }
  const volumes = [
    revisionVolume(input, mountedRevisions),
    ...s3Files(spec).map(({ name, secret }) => ({ name, secret })),
    ...kafkaVolumes(input),
  ]
  return {
    metadata: podMeta(input, objectLabels(owner.name), annotations),
    spec: {
      ...podSpec(input, sinkContainer(input), volumes),
      terminationGracePeriodSeconds: input.drainSeconds + TERMINATION_MARGIN_SECONDS,
      topologySpreadConstraints: knobsOf(spec).topologySpreadConstraints ?? [spreadOverNodes(owner.name)],
    },
  }
}

function sinkContainer(input: DeploymentInput): Container {
  const { revision, drainSeconds, spec } = input
  const probe = (path: string) => ({ httpGet: { path, port: 'http' }, timeoutSeconds: 5 })
  const restarting = { ...probe('/healthz'), terminationGracePeriodSeconds: HUNG_GRACE_SECONDS }
  const { volumeMounts, ...base } = containerBase(input)
  const files = s3Files(spec)
  return {
    ...base,
    name: CONTAINER_NAME,
    args: [
      'sink',
      '--revision',
      revision,
      ...fileArgs(input),
      ...files.flatMap(({ flag, mountPath }) => [flag, mountPath]),
      '--listen-address',
      '$(POD_IP)',
      '--port',
      String(HTTP_PORT),
      '--drain-timeout',
      `${drainSeconds}s`,
    ],
    env: [
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      ...Object.entries(SINK_ENVIRONMENT).map(([name, value]) => ({ name, value })),
    ],
    ports: [{ name: 'http', containerPort: HTTP_PORT, protocol: 'TCP' }],
    // A minute to begin to listen; from then on a process that does not answer for half a minute is restarted.
    startupProbe: { ...restarting, periodSeconds: 1, failureThreshold: 60 },
    livenessProbe: { ...restarting, periodSeconds: 10, failureThreshold: 3 },
    readinessProbe: { ...probe('/readyz'), periodSeconds: 2, failureThreshold: 3 },
    volumeMounts: [...volumeMounts, ...files.map(({ name, mountPath }) => ({ name, mountPath, readOnly: true }))],
  }
}

/** The Secrets that the spec names for S3, as volumes. Optional, as those of Kafka are. */
function s3Files({ config: { credentialsSecretRef: credentials, tls: { caSecretRef: ca } = {} } }: PodInput['spec']) {
  return [
    ...(credentials
      ? [
          {
            name: 's3-credentials',
            secret: { secretName: credentials.name, optional: true },
            mountPath: S3_CREDENTIALS_DIR,
            flag: '--credentials-dir',
          },
        ]
      : []),
    ...(ca
      ? [
          {
            name: 's3-authorities',
            secret: { secretName: ca.name, items: [{ key: ca.key ?? CA_FILE, path: CA_FILE }], optional: true },
            mountPath: S3_AUTHORITIES_DIR,
            flag: '--s3-authorities-dir',
          },
        ]
      : []),
  ]
}

function spreadOverNodes(connectorName: string): NonNullable<PodSpec['topologySpreadConstraints']>[number] {
  return {
    maxSkew: 1,
    topologyKey: 'kubernetes.io/hostname',
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels: selectorLabels(connectorName) },
  }
}
