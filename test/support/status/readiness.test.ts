import { describe, expect, it } from 'vitest'
import type { AnalyticsConnector, Deployment, Pod } from '../../../src/kube/kinds.ts'
import { statusOf } from '../../../src/operator/status.ts'
import { aDeployment, aKubePod, aSituation, aSpec } from '../../operator/builders.ts'
import { type History, readinessViolations } from './readiness.ts'

const KEY = 'games/events'
const template = { 'analytics-connector.io/revision': 'bbb', 'analytics-connector.io/template': 'new' }

function deployment(status: Parameters<typeof aDeployment>[1] = {}): Deployment {
  const spec = { replicas: 1, selector: {}, template: { metadata: { annotations: template } } }
  return { ...aDeployment(1, status), spec } as Deployment
}

function connector(generation: number, isReady: boolean): AnalyticsConnector {
  const status = isReady ? statusOf(aSituation({ generation })) : { observedGeneration: -1 }
  return {
    apiVersion: 'analytics-connector.io/v1alpha1',
    kind: 'AnalyticsConnector',
    metadata: { name: 'events', generation },
    spec: aSpec(),
    status,
  } as AnalyticsConnector
}

const pod = (isReady: boolean): Pod =>
  aKubePod({}, { conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }] as never })

/** The connector is made at 1 and Ready at 9; what happens between is the case. */
function history({ deployments, pods }: { deployments: [number, Deployment][]; pods: [number, Pod][] }): History {
  const versions = <T>(key: string, list: [number, T][]) =>
    list.map(([resourceVersion, object]) => ({ resourceVersion, key, object }))
  return {
    connectors: versions(KEY, [
      [1, connector(1, false)],
      [9, connector(1, true)],
    ]),
    deployments: versions(`${KEY}-sink`, deployments),
    pods: versions(`${KEY}-sink-1`, pods),
  }
}

describe('readinessViolations', () => {
  it('is content when the rollout was complete and the pods were ready at some moment before Ready', () => {
    const whole = history({ deployments: [[2, deployment()]], pods: [[3, pod(true)]] })
    expect(readinessViolations(whole)).toEqual([])
    const since = history({
      deployments: [[2, deployment()]],
      pods: [
        [3, pod(true)],
        [8, pod(false)],
      ],
    })
    expect(readinessViolations(since)).toEqual([])
  })

  it.each([
    ['the pod was never ready', { deployments: [[2, deployment()]], pods: [[3, pod(false)]] }],
    ['the pod was ready only afterwards', { deployments: [[2, deployment()]], pods: [[10, pod(true)]] }],
    [
      'the Deployment was not observed',
      { deployments: [[2, deployment({ observedGeneration: 1 })]], pods: [[3, pod(true)]] },
    ],
    ['a pod of another template was left', { deployments: [[2, deployment({ replicas: 2 })]], pods: [[3, pod(true)]] }],
    ['there was no Deployment', { deployments: [], pods: [] }],
  ] as [string, Parameters<typeof history>[0]][])('sees that %s', (_what, events) => {
    expect(readinessViolations(history(events))).toHaveLength(1)
  })

  it('does not count what was so before the generation was made', () => {
    const { deployments, pods } = history({
      deployments: [
        [2, deployment()],
        [11, deployment({ availableReplicas: 0 })],
      ],
      pods: [[3, pod(true)]],
    })
    const connectors = [
      { resourceVersion: 12, key: KEY, object: connector(2, false) },
      { resourceVersion: 13, key: KEY, object: connector(2, true) },
    ]
    expect(readinessViolations({ connectors, deployments, pods })).toHaveLength(1)
  })
})
