import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
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

const stack = connectStack(inject('stack'))
const namespace = `leader-${randomBytes(4).toString('hex')}`
const inNamespace = (...args: string[]) => kubectl(stack, [...args, '-n', namespace])
let installed: Awaited<ReturnType<typeof withoutInstalledOperator>>

beforeAll(async () => {
  installed = await withoutInstalledOperator(stack)
  await kubectl(stack, ['create', 'namespace', namespace])
})

afterAll(async () => {
  await kubectl(stack, ['delete', 'namespace', namespace, '--wait=false'])
  await installed?.restore()
})

async function candidate(identity: string, lease: string): Promise<RunningOperator> {
  const config = { watchNamespaces: [namespace] }
  const running = await startOperator(stack, { identity, lease: { namespace, name: lease }, config })
  onTestFinished(() => running.stop())
  return running
}

const holder = (lease: string) => inNamespace('get', 'lease', lease, '-o', 'jsonpath={.spec.holderIdentity}')

async function applyPaused(name: string): Promise<void> {
  const spec = { active: false }
  await apply(stack, connector(stack, { name, namespace, bucketName: 'nowhere', filter: { acme: ['*'] }, spec }))
}

test('of two operators one acts, and the other one seconds after the first has ended', async () => {
  const first = await candidate('first', 'handover')
  await eventually(10_000, async () => expect(await holder('handover')).toBe('first'))
  const second = await candidate('second', 'handover')
  await applyPaused('one')
  await inNamespace('wait', '--for=condition=Ready', 'ac/one', '--timeout=20s')
  expect(writesOf(second.calls)).toEqual([])

  await first.stop()
  expect(await first.outcome).toBe('stopped')
  await eventually(6_000, async () => expect(await holder('handover')).toBe('second'))
  await applyPaused('two')
  await inNamespace('wait', '--for=condition=Ready', 'ac/two', '--timeout=20s')
  expect(writesOf(second.calls).some((write) => write.includes('two'))).toBe(true)
  expect(writesOf(second.calls).some((write) => write.includes('one'))).toBe(false)
})

test('an operator that loses its lease ends and acts no more', async () => {
  const victim = await candidate('victim', 'theft')
  await eventually(10_000, async () => expect(await holder('theft')).toBe('victim'))
  await inNamespace('patch', 'lease', 'theft', '--type=merge', '-p', '{"spec":{"holderIdentity":"thief"}}')
  expect(await victim.outcome).toBe('lost')
  const writes = writesOf(victim.calls).length
  await applyPaused('three')
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  expect(writesOf(victim.calls)).toHaveLength(writes)
  expect(await holder('theft')).toBe('thief')
})
