import { onTestFinished } from 'vitest'
import type { Stack } from '../stack/stack.ts'
import { kubectl } from './kubectl.ts'
import type { Confined } from './permissions.ts'

/** One of each overlay, side by side, as neither sees the connectors of the other, in new namespaces that go with the test. */
export async function bothConfined(stack: Stack, prefix: string, live: (confined: Confined) => Promise<void>) {
  const [own, some, games] = [`${prefix}-own`, `${prefix}-some`, `${prefix}-games`]
  await Promise.all([own, some, games].map((name) => kubectl(stack, ['create', 'namespace', name])))
  onTestFinished(async () => void (await kubectl(stack, ['delete', 'namespace', own, some, games, '--wait=false'])))
  await Promise.all([
    live({ folder: 'overlays/namespace', home: own, watched: own }),
    live({ folder: 'overlays/namespaces', home: some, watched: games }),
  ])
}
