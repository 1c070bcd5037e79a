import { expect, it } from 'vitest'
import { PODS } from '../../src/kube/kinds.ts'
import { Applier } from '../../src/operator/apply.ts'
import { Endings } from '../../src/operator/endings.ts'
import { observe } from '../../src/operator/observe.ts'
import { OwnWrites } from '../../src/operator/own-writes.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { aKubePod } from './builders.ts'
import { Cluster } from './cluster.ts'

it('sees a connector’s pods in the order of their names, whatever order they came in', () => {
  const cluster = new Cluster()
  cluster.addConnector()
  for (const name of ['events-sink-b', 'events-sink-c', 'events-sink-a']) {
    const pod = aKubePod()
    cluster.put(PODS, { ...pod, metadata: { ...pod.metadata, name, uid: name } })
  }
  const seen = observe('games/events', {
    caches: cluster.caches,
    reportOf: () => undefined,
    ownWrites: new OwnWrites(),
    applier: new Applier(cluster.api, new FakeClock()),
    references: { versionOf: () => '', isPending: () => false, forget: () => {} },
    conflicts: { of: () => undefined },
    endings: new Endings(),
    clock: new FakeClock(),
  })
  expect(seen?.pods.map(({ name }) => name)).toEqual(['events-sink-a', 'events-sink-b', 'events-sink-c'])
})
