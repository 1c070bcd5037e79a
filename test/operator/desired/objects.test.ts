import { describe, expect, it } from 'vitest'
import type { AnalyticsConnectorSpec } from '../../../src/contract/resource.ts'
import { planOf } from '../../../src/operator/checks.ts'
import { desiredObjects } from '../../../src/operator/desired/objects.ts'
import { anObserved, aSpec, DEFAULTS } from '../builders.ts'

const SINK = { image: 'i', drainSeconds: 45, resources: { requests: { cpu: '100m' }, limits: { memory: '512Mi' } } }

function objects(spec: Partial<AnalyticsConnectorSpec> = {}) {
  const observed = anObserved({ spec: aSpec(spec), status: { topicPartitions: 12 } })
  return desiredObjects(observed, planOf(observed, DEFAULTS), SINK)
}
const kinds = (list: readonly { kind: { kind: string } }[]) => list.map(({ kind }) => kind.kind)

describe('desiredObjects', () => {
  it('makes a revision and a service account before the Deployment, and no budget for one pod', () => {
    const { before, obsolete } = objects()
    expect(kinds(before)).toEqual(['ConfigMap', 'ServiceAccount'])
    expect(kinds(obsolete)).toEqual(['PodDisruptionBudget', 'CronJob'])
  })

  it('makes a budget for several pods, and not while they are paused', () => {
    expect(kinds(objects({ replicas: 2 }).after)).toContain('PodDisruptionBudget')
    expect(kinds(objects({ replicas: 2, active: false }).obsolete)).toContain('PodDisruptionBudget')
  })

  it('has the offsets kept while no pods are to run, however that came', () => {
    expect(kinds(objects({ active: false }).after)).toContain('CronJob')
    expect(kinds(objects({ replicas: 0 }).after)).toContain('CronJob')
    const observed = anObserved({ deletedAtMs: 1, spec: aSpec({ active: false }) })
    expect(kinds(desiredObjects(observed, planOf(observed, DEFAULTS), SINK).obsolete)).toContain('CronJob')
  })

  it('has them kept as well from the day on after which nothing has been delivered, as such sinks may not be members', () => {
    const ofIdle = (idleMs: number) => {
      const observed = anObserved({ idleMs })
      return desiredObjects(observed, planOf(observed, DEFAULTS), SINK)
    }
    expect(kinds(ofIdle(86_400_000).after)).toContain('CronJob')
    expect(kinds(ofIdle(86_399_999).obsolete)).toContain('CronJob')
  })

  it('makes no service account where the spec names one', () => {
    const { before, ofOldPods } = objects({ serviceAccountName: 'writer' })
    expect([kinds(before), kinds(ofOldPods)]).toEqual([['ConfigMap'], ['ServiceAccount']])
  })

  it('scales to zero while paused, with everything else as it is', () => {
    const [running, paused] = [objects().deployment.object.spec, objects({ active: false }).deployment.object.spec]
    expect(paused?.replicas).toBe(0)
    expect(paused?.template).toEqual(running?.template)
  })

  it('gives the sink the resources of the spec whole, else those of the operator', () => {
    const resources = (spec: Partial<AnalyticsConnectorSpec>) =>
      objects(spec).deployment.object.spec?.template.spec?.containers[0]?.resources
    expect(resources({})).toEqual(SINK.resources)
    expect(resources({ resources: { requests: { cpu: 2, memory: '1Gi' } } })).toEqual({
      requests: { cpu: '2', memory: '1Gi' },
    })
  })

  it('stores the configuration as an immutable object that is named by its content', () => {
    const [configMap] = objects().before
    expect(configMap?.object).toMatchObject({
      immutable: true,
      data: { 'config.json': expect.stringContaining('acme-events') },
    })
    const name = configMap?.object.metadata?.name
    expect(name).toMatch(/^events-sink-[0-9a-f]{10}$/)
    expect(objects({ filter: { other: ['*'] } }).before[0]?.object.metadata?.name).not.toBe(name)
    expect(objects({ replicas: 3 }).before[0]?.object.metadata?.name).toBe(name)
  })
})
