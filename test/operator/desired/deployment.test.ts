import { describe, expect, it } from 'vitest'
import { type DeploymentInput, desiredDeployment } from '../../../src/operator/desired/deployment.ts'
import { TEMPLATE_ANNOTATION } from '../../../src/operator/desired/metadata.ts'
import { aSpec, OWNER } from '../builders.ts'

function make(overrides: Partial<DeploymentInput> = {}) {
  const deployment = desiredDeployment({
    owner: OWNER,
    spec: aSpec(),
    image: 'analytics-connector:1',
    replicas: 1,
    revision: 'bbb',
    mountedRevisions: ['aaa', 'bbb'],
    kafkaSecrets: [],
    drainSeconds: 45,
    resources: { limits: { memory: '512Mi' } },
    restartRequestedAt: undefined,
    references: '',
    ...overrides,
  })
  const template = deployment.spec?.template
  const container = template?.spec?.containers[0]
  if (!template?.spec || !container) throw new Error('no pod template')
  return { deployment, template, pod: template.spec, container }
}

const templateName = (overrides: Partial<DeploymentInput>) =>
  make(overrides).template.metadata?.annotations?.[TEMPLATE_ANNOTATION]

describe('desiredDeployment', () => {
  it('replaces the pods when a restart is asked for, and by no other value of the same annotation', () => {
    const first = templateName({ restartRequestedAt: '2026-03-01T12:00:00Z' })
    expect(first).not.toBe(templateName({}))
    expect(templateName({ restartRequestedAt: '2026-03-01T12:00:00Z' })).toBe(first)
    expect(templateName({ restartRequestedAt: '2026-03-01T12:00:01Z' })).not.toBe(first)
  })

  it('replaces the pods when a Secret that they read has changed', () => {
    expect(templateName({ references: 'a' })).not.toBe(templateName({ references: 'b' }))
    expect(templateName({ references: '' })).toBe(templateName({}))
  })

  it('gives the sink the environment that podTemplate.envFrom names', () => {
    const envFrom = [{ prefix: 'S3_', secretRef: { name: 'keys' } }, { configMapRef: { name: 'proxy' } }]
    expect(make({ spec: aSpec({ podTemplate: { envFrom } }) }).container.envFrom).toEqual(envFrom)
    expect(make().container).not.toHaveProperty('envFrom')
  })

  it('belongs to the connector, so that it goes with it', () => {
    expect(make().deployment.metadata).toMatchObject({
      namespace: 'games',
      name: 'events-sink',
      ownerReferences: [{ kind: 'AnalyticsConnector', name: 'events', uid: 'uid-1', controller: true }],
    })
  })

  it('starts a new pod before an old one goes', () => {
    expect(make().deployment.spec?.strategy).toEqual({
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: 0, maxSurge: 1 },
    })
  })

  it('runs the sink with its revision on the address of the pod', () => {
    const { container } = make()
    expect(container.args?.join(' ')).toBe(
      'sink --revision bbb --revisions-dir /etc/analytics-connector/revisions --listen-address $(POD_IP) --port 8080 --drain-timeout 45s',
    )
    expect(container.env).toEqual([
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'NODE_OPTIONS', value: '--max-semi-space-size=4' },
      { name: 'MALLOC_ARENA_MAX', value: '2' },
      { name: 'MALLOC_MMAP_THRESHOLD_', value: '131072' },
      { name: 'MALLOC_TRIM_THRESHOLD_', value: '131072' },
    ])
  })

  it('leaves more time before SIGKILL than the sink takes to drain', () => {
    expect(make({ drainSeconds: 100 }).pod.terminationGracePeriodSeconds).toBe(115)
  })

  it('waits 5 s for a sink that does not answer any more, and not for the drain that it cannot do', () => {
    const { startupProbe, livenessProbe, readinessProbe } = make({ drainSeconds: 100 }).container
    const probe = (path: string) => ({ httpGet: { path, port: 'http' }, timeoutSeconds: 5 })
    const grace = { terminationGracePeriodSeconds: 5 }
    expect(startupProbe).toEqual({ ...probe('/healthz'), ...grace, periodSeconds: 1, failureThreshold: 60 })
    expect(livenessProbe).toEqual({ ...probe('/healthz'), ...grace, periodSeconds: 10, failureThreshold: 3 })
    // The API server refuses a grace period of its own there, as nothing is ended by it.
    expect(readinessProbe).toEqual({ ...probe('/readyz'), periodSeconds: 2, failureThreshold: 3 })
  })

  it('mounts every listed revision as one folder, waiting only for its own', () => {
    const { pod, container } = make()
    const source = (name: string) => ({
      name: `events-sink-${name}`,
      items: [{ key: 'config.json', path: `${name}.json` }],
    })
    expect(pod.volumes).toEqual([
      {
        name: 'revisions',
        projected: { sources: [{ configMap: { ...source('aaa'), optional: true } }, { configMap: source('bbb') }] },
      },
    ])
    expect(container.volumeMounts).toEqual([
      { name: 'revisions', mountPath: '/etc/analytics-connector/revisions', readOnly: true },
    ])
  })

  it('mounts the Secret with the credentials that the spec names, and starts without it so that the sink can say so', () => {
    const spec = aSpec()
    const { pod, container } = make({
      spec: { ...spec, config: { ...spec.config, credentialsSecretRef: { name: 's3' } } },
    })
    expect(pod.volumes?.at(-1)).toEqual({ name: 's3-credentials', secret: { secretName: 's3', optional: true } })
    expect(container.volumeMounts?.at(-1)?.mountPath).toBe('/etc/analytics-connector/s3-credentials')
    expect(container.args).toContain('/etc/analytics-connector/s3-credentials')
  })

  it('mounts the authorities of the S3 endpoint under their own name, whatever the key is called', () => {
    const spec = aSpec()
    const { pod, container } = make({
      spec: { ...spec, config: { ...spec.config, tls: { caSecretRef: { name: 'minio', key: 'ca.pem' } } } },
    })
    const secret = { secretName: 'minio', items: [{ key: 'ca.pem', path: 'ca.crt' }], optional: true }
    expect(pod.volumes?.at(-1)).toEqual({ name: 's3-authorities', secret })
    const mountPath = '/etc/analytics-connector/s3-authorities'
    expect(container.volumeMounts?.at(-1)).toEqual({ name: 's3-authorities', mountPath, readOnly: true })
    expect(container.args?.join(' ')).toContain(`--s3-authorities-dir ${mountPath}`)
  })

  it('mounts the keys of the Secrets of Kafka as one folder, and starts without them so that the sink can say so', () => {
    const { pod, container } = make({
      kafkaSecrets: [
        { name: 'ca', files: [{ key: 'ca.pem', path: 'ca.crt' }] },
        { name: 'user', files: [{ key: 'password', path: 'password' }] },
      ],
    })
    expect(pod.volumes?.at(-1)).toEqual({
      name: 'kafka-secrets',
      projected: {
        sources: [
          { secret: { name: 'ca', items: [{ key: 'ca.pem', path: 'ca.crt' }], optional: true } },
          { secret: { name: 'user', items: [{ key: 'password', path: 'password' }], optional: true } },
        ],
      },
    })
    expect(container.volumeMounts?.at(-1)?.mountPath).toBe('/etc/analytics-connector/kafka-secrets')
    expect(container.args).toContain('/etc/analytics-connector/kafka-secrets')
  })

  it('keeps to the restricted Pod Security profile, without a token', () => {
    const { pod, container } = make()
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    })
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
  })

  it('uses the service account that the spec names, else its own', () => {
    expect(make().pod.serviceAccountName).toBe('events-sink')
    expect(make({ spec: aSpec({ serviceAccountName: 'writer' }) }).pod.serviceAccountName).toBe('writer')
  })

  it('takes the knobs of spec.podTemplate, but never lets them change what selects the pods', () => {
    const { pod, template } = make({
      spec: aSpec({
        podTemplate: {
          metadata: { labels: { team: 'a', 'app.kubernetes.io/component': 'x' }, annotations: { note: 'n' } },
          nodeSelector: { disk: 'ssd' },
          tolerations: [{ key: 'dedicated', operator: 'Exists' }],
          priorityClassName: 'high',
        },
      }),
    })
    expect(template.metadata?.labels).toMatchObject({ team: 'a', 'app.kubernetes.io/component': 'sink' })
    expect(template.metadata?.annotations).toMatchObject({ note: 'n', 'analytics-connector.io/revision': 'bbb' })
    expect(pod).toMatchObject({
      nodeSelector: { disk: 'ssd' },
      tolerations: [{ key: 'dedicated', operator: 'Exists' }],
      priorityClassName: 'high',
    })
  })

  it('spreads pods over nodes where possible, unless the spec says how', () => {
    expect(make().pod.topologySpreadConstraints).toMatchObject([{ whenUnsatisfiable: 'ScheduleAnyway' }])
    const zones = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }
    const { pod } = make({ spec: aSpec({ podTemplate: { topologySpreadConstraints: [zones] } }) })
    expect(pod.topologySpreadConstraints).toEqual([zones])
  })

  it('names the pod template by its content: another for every change that rolls pods, the same for a scale', () => {
    const name = templateName({})
    expect(templateName({ replicas: 5 })).toBe(name)
    expect(templateName({ image: 'analytics-connector:2' })).not.toBe(name)
    expect(templateName({ resources: {} })).not.toBe(name)
  })
})
