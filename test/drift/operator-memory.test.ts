import { execFileSync } from 'node:child_process'
import { totalmem } from 'node:os'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { textOf } from './files.ts'

interface Deployment {
  readonly spec: {
    readonly template: {
      readonly spec: { readonly containers: { readonly env: { name: string; value?: string }[] }[] }
    }
  }
}

/** Of V8, as deploy/base has it, in bytes. */
function heapLimit(): number {
  const [operator] = (parse(textOf('deploy/base/deployment.yaml')) as Deployment).spec.template.spec.containers
  const { value = '' } = operator?.env.find(({ name }) => name === 'NODE_OPTIONS') ?? {}
  const script = 'console.log(v8.getHeapStatistics().heap_size_limit)'
  return Number(execFileSync(process.execPath, ['-e', script], { env: { NODE_OPTIONS: value }, encoding: 'utf8' }))
}

test('the heap of the operator may take three quarters of the memory that there is: who raises the limit of its pods raises that of V8', () => {
  const memory = Math.min(process.constrainedMemory() || totalmem(), totalmem())
  expect(heapLimit() / memory).toBeGreaterThan(0.7)
  expect(heapLimit() / memory).toBeLessThan(0.85)
})
