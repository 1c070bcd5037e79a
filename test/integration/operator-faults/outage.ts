import { NAME } from './life.ts'
import type { Lives } from './lives.ts'

/** kill -9 of etcd alone, then of etcd and API server, each in the middle of an edit. */
export async function throughOutages(lives: Lives): Promise<void> {
  const { etcd, kubeApi } = lives.stack.servers
  await lives.live(
    async ({ person, start }) => {
      await start()
      await person.wants(NAME, {})
      const edited = await person.asks(NAME, { config: { flushSize: 5 } })
      await etcd?.stop('SIGKILL')
      await etcd?.start()
      await person.ready(NAME, edited)
      const again = await person.asks(NAME, { config: { flushSize: 6 } })
      await Promise.all([etcd?.stop('SIGKILL'), kubeApi.stop('SIGKILL')])
      await etcd?.start()
      await kubeApi.start()
      await person.ready(NAME, again)
      await person.live()
      return undefined
    },
    { withinMs: 120_000, isWatched: false },
  )
}
