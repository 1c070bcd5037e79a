import { describe, expect, it } from 'vitest'
import { desiredDeleteGroup, desiredKeepOffsets, keepOffsetsName } from '../../../src/operator/desired/group-task.ts'
import { selectorLabels } from '../../../src/operator/desired/metadata.ts'
import type { PodInput } from '../../../src/operator/desired/pod.ts'
import { aSpec, OWNER } from '../builders.ts'

function input(overrides: Partial<PodInput> = {}): PodInput {
  const secrets = [{ name: 'kafka-login', files: [{ key: 'password', path: 'password' }] }]
  return {
    owner: OWNER,
    spec: aSpec(),
    image: 'analytics-connector:1',
    revision: 'bbb',
    kafkaSecrets: secrets,
    resources: { limits: { memory: '512Mi' } },
    ...overrides,
  }
}

const podOf = (overrides: Partial<PodInput> = {}) => desiredDeleteGroup(input(overrides)).spec?.template

describe('the pods that look after a consumer group', () => {
  it('run as the sinks do: image, configuration, Kafka Secrets, service account and place, under the restricted profile', () => {
    const podTemplate = { nodeSelector: { disk: 'ssd' }, imagePullSecrets: [{ name: 'pull' }] }
    const pod = podOf({ spec: aSpec({ serviceAccountName: 'reader', podTemplate }) })?.spec
    expect(pod).toMatchObject({
      serviceAccountName: 'reader',
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      restartPolicy: 'Never',
      ...podTemplate,
    })
    expect(pod?.containers[0]).toMatchObject({
      image: 'analytics-connector:1',
      resources: { limits: { memory: '512Mi' } },
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
    })
    expect(pod?.volumes?.map(({ name }) => name)).toEqual(['revisions', 'kafka-secrets'])
    expect(pod?.containers[0]?.args).toEqual(expect.arrayContaining(['group', 'delete', '--revision', 'bbb']))
  })

  it('are never taken for sinks by a Deployment, a budget or an autoscaler', () => {
    const labels = podOf()?.metadata?.labels ?? {}
    const isSink = Object.entries(selectorLabels(OWNER.name)).every(([key, value]) => labels[key] === value)
    expect(isSink).toBe(false)
  })
})

describe('desiredKeepOffsets', () => {
  it('runs once a day, at a minute that differs between connectors and never changes for one', () => {
    const schedule = (uid: string) => desiredKeepOffsets(input({ owner: { ...OWNER, uid } })).spec?.schedule
    expect(schedule('a')).toMatch(/^\d{1,2} \d{1,2} \* \* \*$/)
    expect(schedule('a')).toBe(schedule('a'))
    expect(new Set(Array.from({ length: 100 }, (_, i) => schedule(`uid-${i}`))).size).toBeGreaterThan(80)
  })

  it('has a name of at most 52 characters, which two connectors never share', () => {
    expect(keepOffsetsName('events')).toBe('events-keep-offsets')
    const [a, b] = [keepOffsetsName(`${'x'.repeat(49)}a`), keepOffsetsName(`${'x'.repeat(49)}b`)]
    expect(a).toHaveLength(52)
    expect(a).not.toBe(b)
  })
})
