/** What the image costs, as a table on the terminal: docs/performance.md has that of a quiet machine. */
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished } from 'vitest'
import { test } from '../../e2e/scene.ts'
import { installAdmin, removeAdmin } from '../../support/install-admin.ts'
import { OPERATOR_NAMESPACE } from '../../support/install-operator.ts'
import { kubectl } from '../../support/kubectl.ts'
import { currentRun } from '../run.ts'
import { type Pod, podsOf, processOf, stack } from './pods.ts'
import { watchStarts } from './starts.ts'

const STARTS = 5
/** After it the memory of a start has been given back, and what stays is what serving takes. */
const SETTLE_MS = 20_000
const MIB = 1 << 20

interface Row {
  readonly what: string
  readonly startSeconds: readonly number[]
  readonly rssMiB: number
}

test('size of the image, time from pod created to Ready, and memory in the pod', async ({ scene }) => {
  scene.stream()
  await scene.apply('measured')
  await scene.ready('measured')
  onTestFinished(() => removeAdmin(stack))
  await installAdmin(stack)
  const inOperatorNamespace = (component: string) =>
    [OPERATOR_NAMESPACE, `app.kubernetes.io/component=${component}`] as const
  const rows = [
    await measure('operator, one connector', ...inOperatorNamespace('operator')),
    await measure('sink, 50 events a second', scene.id, 'app.kubernetes.io/component=sink'),
    await measure('REST API', ...inOperatorNamespace('admin')),
  ]
  print(rows)
  await scene.settled()
  for (const { startSeconds } of rows) expect(startSeconds).toHaveLength(STARTS)
})

/** Deletes pods one after the other, and looks at those that come in their place. */
async function measure(what: string, namespace: string, selector: string): Promise<Row> {
  const starts = watchStarts(stack, namespace, selector)
  const startSeconds: number[] = []
  for (let i = 0; i < STARTS; i++) {
    const [pod] = await podsOf(namespace, selector)
    await kubectl(stack, ['delete', 'pod', pod?.metadata.name ?? '', '-n', namespace])
    startSeconds.push(await starts.next())
  }
  starts.close()
  await delay(SETTLE_MS)
  const pods: Pod[] = await podsOf(namespace, selector)
  const memory = await Promise.all(pods.map(async (pod) => (await processOf(pod)).rssMiB))
  return { what, startSeconds, rssMiB: Math.max(...memory) }
}

function print(rows: readonly Row[]): void {
  const { images } = currentRun()
  const size = `${(images.sizeBytes / MIB).toFixed(0)} MiB, compressed ${(images.compressedBytes / MIB).toFixed(0)} MiB`
  const lines = [
    `image: ${size}; built in ${images.buildSeconds.toFixed(0)} s on ${images.base.name}`,
    '| pod | created → Ready, median (of the slowest) | RSS |',
    '|---|--:|--:|',
    ...rows.map(({ what, startSeconds, rssMiB }) => {
      const sorted = startSeconds.toSorted((a, b) => a - b)
      const [median = 0, slowest = 0] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)]
      return `| ${what} | ${median.toFixed(1)} s (${slowest.toFixed(1)} s) | ${rssMiB.toFixed(0)} MiB |`
    }),
  ]
  console.log(`\n${lines.join('\n')}\n`)
}
