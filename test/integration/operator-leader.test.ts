import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import type { ClusterAccess } from '../../src/kube/cluster-access.ts'
import { connectStack } from '../stack/remote.ts'
import { eventually } from '../support/eventually.ts'
import {
  type RunningOperator,
  startOperator,
  withoutInstalledOperator,
  writesOf,
} from '../support/in-process-operator.ts'
import { apply, kubectl } from '../support/kubectl.ts'
import { connector } from '../support/manifests.ts'
import { signInConfined } from '../support/permissions.ts'

const stack = connectStack(inject('stack'))
const namespace = `leader-${randomBytes(4).toString('hex')}`
const inNamespace = (...args: string[]) => kubectl(stack, [...args, '-n', namespace])
let access: ClusterAccess
let installed: Awaited<ReturnType<typeof withoutInstalledOperator>>

beforeAll(async () => {
  installed = await withoutInstalledOperator(stack)
  await kubectl(stack, ['create', 'namespace', namespace])
  access = await signInConfined(stack, { folder: 'overlays/namespace', home: namespace, watched: namespace })
})

afterAll(async () => {
  await kubectl(stack, ['delete', 'namespace', namespace, '--wait=false'])
  await installed?.restore()
})

const LEASE = 'analytics-connector-operator'

async function candidate(identity: string): Promise<RunningOperator> {
  const config = { watchNamespaces: [namespace] }
  const running = await startOperator(stack, { access, identity, lease: { namespace, name: LEASE }, config })
  onTestFinished(() => running.stop())
  return running
}

const holder = () => inNamespace('get', 'lease', LEASE, '-o', 'jsonpath={.spec.holderIdentity}')

async function applyPaused(name: string): Promise<void> {
  const spec = { active: false }
  await apply(
    stack,
    connector(stack, { name, namespace, bucketName: `nowhere-${name}`, filter: { acme: ['*'] }, spec }),
  )
}

test('of two operators one acts, and the other one seconds after the first has ended', async () => {
  const first = await candidate('first')
  await eventually(10_000, async () => expect(await holder()).toBe('first'))
  const second = await candidate('second')
  await applyPaused('one')
  await inNamespace('wait', '--for=condition=Ready', 'ac/one', '--timeout=20s')
  expect(writesOf(second.calls)).toEqual([])

  await first.stop()
  expect(await first.outcome).toBe('stopped')
  await eventually(6_000, async () => expect(await holder()).toBe('second'))
  await applyPaused('two')
  await inNamespace('wait', '--for=condition=Ready', 'ac/two', '--timeout=20s')
  expect(writesOf(second.calls).some((write) => write.includes('two'))).toBe(true)
  expect(writesOf(second.calls).some((write) => write.includes('one'))).toBe(false)
})

test('an operator that loses its lease ends and acts no more', async () => {
  const victim = await candidate('victim')
  await eventually(10_000, async () => expect(await holder()).toBe('victim'))
  await inNamespace('patch', 'lease', LEASE, '--type=merge', '-p', '{"spec":{"holderIdentity":"thief"}}')
  expect(await victim.outcome).toBe('lost')
  const writes = writesOf(victim.calls).length
  await applyPaused('three')
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  expect(writesOf(victim.calls)).toHaveLength(writes)
  expect(await holder()).toBe('thief')
})
