/**
 * `npm run demo`: real servers, the operator installed as a user would, one connector's whole life by kubectl and another's over HTTP. With `--once`, or
 * without a terminal, it ends by itself and its exit code says whether every count was right.
 */
import { describeError } from '../../src/lib/errors.ts'
import { CRD } from '../repository.ts'
import { type Stack, startStack } from '../stack/stack.ts'
import type { Comparison } from '../support/bucket.ts'
import { flagsOrUsage } from '../support/flags-or-usage.ts'
import { installOperator } from '../support/install-operator.ts'
import { restTour } from './rest-tour.ts'
import { Screen } from './screen.ts'
import { tour } from './tour.ts'

const USAGE = `npm run demo -- [flags]
  --once  ends by itself, as it does without a terminal
`
const { values } = flagsOrUsage(USAGE, { options: { once: { type: 'boolean', default: false } } })
const once = values.once || !process.stdout.isTTY
const interrupted = new Promise<'interrupted'>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve('interrupted'))
})

const progress = (line: string) => process.stdout.write(`${line}\n`)

async function demo(): Promise<number> {
  const startedAt = Date.now()
  const stack = await startStack({ crds: CRD, progress })
  try {
    return await Promise.race([show(stack, startedAt), interrupted.then(() => 130)])
  } finally {
    progress('Stopping the servers.')
    await stack.stop()
  }
}

async function show(stack: Stack, startedAt: number): Promise<number> {
  await installOperator(stack, progress)
  const screen = new Screen(process.stdout)
  screen.open()
  const comparison = await bothWays(stack, screen).finally(() => screen.close())
  const { produced, delivered, missing, duplicates } = comparison
  progress('')
  progress(
    `Summary: produced ${produced} = delivered ${delivered}, missing ${missing.length}, duplicates ${duplicates.size}.`,
  )
  progress(`Servers: ${stack.kind}. Took ${Math.round((Date.now() - startedAt) / 1000)} s.`)
  progress(byHand(stack))
  if (!once) await interrupted
  return 0
}

/** With kubectl, then over HTTP. */
async function bothWays(stack: Stack, screen: Screen): Promise<Comparison> {
  const comparison = await tour(stack, screen)
  // Both lists of steps would be longer than a terminal.
  screen.state.done = ['a connector lived by kubectl, and every event is in exactly one object; now the same over HTTP']
  await restTour(stack, screen)
  return comparison
}

function byHand(stack: Stack): string {
  if (once) {
    return `
Go on by hand, each line in a terminal of its own:
  npm run stack:up && npm run operator      # the same servers, left running, and the operator
  npm run stack:events                      # events to deliver; writes .stack/game-events.yaml
  . .stack/env && kubectl apply -f .stack/game-events.yaml && kubectl get ac -w
`
  }
  return `
Go on by hand in another terminal (Ctrl-C here ends everything):
  export KUBECONFIG=${stack.kubeconfigPath} PATH=${stack.pathAdditions.join(':')}:$PATH
  kubectl explain ac.spec.config
  kubectl -n analytics-connector get pods
`
}

try {
  process.exitCode = await demo()
} catch (error) {
  process.stderr.write(`\nThe demo failed: ${describeError(error)}\n`)
  process.exitCode = 1
}
// An interrupted tour is still waiting for something that will never come.
process.exit()
