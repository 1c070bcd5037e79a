import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'
import { IN_PARTS } from '../faults/connector.ts'
import { runRound } from '../faults/round.ts'
import { startFaultyServers } from '../faults/servers.ts'
import { connectStack } from '../stack/remote.ts'

const stack = connectStack(inject('stack'))
const SEED = Number(process.env.SEED ?? 1)
const KILLS = 4
const BROKEN = 'the intent after the write'

/** `npm run faults` in short, beside a sink that is broken on purpose: what the one survives must show in the other. */
test.skipIf(stack.kind === 'containers')(
  'kills, zombies, cuts and edits lose and double no event, and those of a sink that promises too late they do',
  async () => {
    const servers = await startFaultyServers(SEED, () => {})
    const logDir = await mkdtemp(join(tmpdir(), 'sink-faults-'))
    try {
      const name = `short-${Date.now().toString(36)}`
      const variants = [IN_PARTS, { design: BROKEN }]
      const round = { servers, seed: SEED, kills: KILLS, variants, name, logDir, progress: () => {} }
      const { violations, tally, events, objects } = await runRound(round)
      const [ours, broken] = [...violations.values()]
      expect(ours, `seed ${SEED}, logs in ${logDir}`).toEqual([])
      expect(broken?.filter((line) => line.includes('(delivered) is nowhere')).length).toBeGreaterThan(0)
      expect(events).toBeGreaterThan(1_000)
      console.log(
        `${events} events, ${objects} objects, ${broken?.length} violations on purpose; ${tally.entries.map((entry) => entry.join(': ')).join(', ')}`,
      )
      await rm(logDir, { recursive: true })
    } finally {
      await servers.stop()
    }
  },
  300_000,
)
