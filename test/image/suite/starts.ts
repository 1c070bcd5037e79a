import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Stack } from '../../stack/stack.ts'
import { stackEnvironment } from '../../support/kubectl.ts'

export interface Starts {
  /** Seconds from when the API server told of a new pod until it told that it is ready, for the next pod that becomes so. */
  next(): Promise<number>
  close(): void
}

/** Watches pods become ready. Their own timestamps have whole seconds only. */
export function watchStarts(stack: Stack, namespace: string, selector: string): Starts {
  const ready = '{.object.status.conditions[?(@.type=="Ready")].status}'
  const template = `{.type} {.object.metadata.name} ${ready}{"\\n"}`
  const flags = ['-n', namespace, '-l', selector, '--watch-only', '--output-watch-events', '-o', `jsonpath=${template}`]
  const child = spawn('kubectl', ['get', 'pods', ...flags], {
    env: stackEnvironment(stack),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const createdAt = new Map<string, number>()
  const finished: number[] = []
  let wake = () => {}
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [type, name = '', isReady] = line.split(' ')
    const since = createdAt.get(name)
    if (type === 'ADDED') createdAt.set(name, performance.now())
    else if (isReady === 'True' && since !== undefined) {
      createdAt.delete(name)
      finished.push((performance.now() - since) / 1000)
      wake()
    }
  })
  return {
    async next() {
      for (;;) {
        const seconds = finished.shift()
        if (seconds !== undefined) return seconds
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    close: () => void child.kill(),
  }
}
