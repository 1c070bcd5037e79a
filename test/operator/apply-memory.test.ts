import { describe, expect, it } from 'vitest'
import { DEPLOYMENTS } from '../../src/kube/kinds.ts'
import { ApplyMemory } from '../../src/operator/apply-memory.ts'
import { aDeployment } from './builders.ts'

const KEY = 'games/events'
const APPLIED = { hash: 'abc', uid: 'u1', generation: 3 }

describe('ApplyMemory', () => {
  it('tells what was applied last, and what the server made of it, until the cache has that too', () => {
    const memory = new ApplyMemory()
    const [first, last] = [aDeployment(1), aDeployment(2)]
    memory.set(KEY, DEPLOYMENTS, { ...APPLIED, generation: 2 }, first)
    memory.set(KEY, DEPLOYMENTS, APPLIED, last)
    expect(memory.get(KEY, DEPLOYMENTS, first)).toMatchObject(APPLIED)
    expect(memory.result(KEY, DEPLOYMENTS, first)).toEqual(JSON.parse(JSON.stringify(last)))
    memory.dropResult(KEY, DEPLOYMENTS, first)
    expect(memory.result(KEY, DEPLOYMENTS, first)).toBeUndefined()
    expect(memory.get(KEY, DEPLOYMENTS, first)).toMatchObject(APPLIED)
  })

  it('hands out what nobody can change in it', () => {
    const memory = new ApplyMemory()
    const deployment = aDeployment(1)
    memory.set(KEY, DEPLOYMENTS, APPLIED, deployment)
    Object.assign(memory.result(KEY, DEPLOYMENTS, deployment) ?? {}, { spec: undefined })
    expect(memory.result(KEY, DEPLOYMENTS, deployment)?.spec).toEqual(deployment.spec)
  })

  it('knows nothing of an object that was deleted, nor of a connector that is gone', () => {
    const memory = new ApplyMemory()
    const deployment = aDeployment(1)
    memory.set(KEY, DEPLOYMENTS, APPLIED, deployment)
    memory.delete(KEY, DEPLOYMENTS, deployment)
    expect(memory.get(KEY, DEPLOYMENTS, deployment)).toBeUndefined()
    memory.set(KEY, DEPLOYMENTS, APPLIED, deployment)
    memory.forget(KEY)
    expect(memory.size).toBe(0)
    expect(memory.result(KEY, DEPLOYMENTS, deployment)).toBeUndefined()
  })
})
