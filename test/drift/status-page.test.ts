/** docs/status.md describes every reason that the code can give, and no other. */
import { expect, test } from 'vitest'
import { FAILURE_REASONS } from '../../src/contract/failure-reason.ts'
import { filesLike, textOf } from './files.ts'

/** Reasons as the operator writes them: in a verdict, a Stalled error or a pod's problem. */
const WRITTEN = [
  /\breason: '([A-Z]\w+)'/g,
  /new Stalled\(\s*'(\w+)'/g,
  /failed\(situation, '(\w+)'/g,
  /\['([A-Z]\w+)', 'spec\./g,
  /reason: \w+ \? '(\w+)' : '(\w+)'/g,
  /'True', '(\w+)', limited/g,
  /403 \? '(\w+)' : '(\w+)'/g,
]

/** The kubelet's own words: the page shows one of them. */
const KUBELETS = ['CreateContainerConfigError']

test('docs/status.md has every reason of the code, and none that is not there', () => {
  const code = filesLike('src/operator/*.ts').map(textOf).join('\n')
  const written = WRITTEN.flatMap((pattern) => [...code.matchAll(pattern)].flatMap(([, ...reasons]) => reasons))
  expect(written).toContain('NameConflict')
  const known = new Set([...written, ...FAILURE_REASONS, ...KUBELETS])
  const described = [...textOf('docs/status.md').matchAll(/^### (\w+)$/gm)].map(([, reason]) => reason)
  expect(described.toSorted()).toEqual([...known].sort())
})

test('docs/status.md shows what kubectl prints for each of them, and describes every condition', () => {
  const page = textOf('docs/status.md')
  const sections = page.split(/^### /m).slice(1)
  const without = sections.filter((section) => !section.includes('```console\n$ kubectl get '))
  expect(without.map((section) => section.split('\n')[0])).toEqual([])
  const described = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, type]) => type)
  const written = [...textOf('src/operator/status.ts').matchAll(/condition\('(\w+)'/g)].map(([, type]) => type)
  expect(described.toSorted()).toEqual([...written, 'Reconciling', 'Stalled'].sort())
})
