/** An operator that dies, or loses its lease, at one of its writes. */
import { expect } from 'vitest'
import { HoldingApi } from '../../support/holding-api.ts'
import { writesOf } from '../../support/in-process-operator.ts'
import { kubectl } from '../../support/kubectl.ts'
import { type Death, MortalApi } from '../../support/mortal-api.ts'
import type { Lives } from './lives.ts'

/** @returns the writes of an operator that nothing happens to, through a whole life */
export async function writesOfLife(lives: Lives): Promise<string[]> {
  let api: MortalApi | undefined
  await lives.live(async ({ person, start }) => {
    await start({ wrap: (each) => (api = new MortalApi(each, { atWrite: Infinity, takesEffect: true })) })
    return person.live()
  })
  return api?.writes ?? []
}

/** @param isWhole whether life goes on to its end after the death */
export async function dieAt(death: Death, lives: Lives, isWhole: boolean): Promise<void> {
  await lives.live(async ({ person, start }) => {
    const died = Promise.withResolvers<void>()
    let isDead = false
    const wrap = (each: ConstructorParameters<typeof MortalApi>[0]) => {
      const api = new MortalApi(each, death)
      api.died.addEventListener('abort', () => died.resolve())
      return api
    }
    const first = await start({ wrap })
    const succession = died.promise.then(async () => {
      isDead = true
      await first.stop()
      await start()
    })
    const last = await Promise.race([
      person.live(() => isDead && !isWhole),
      succession.then(() => new Promise<never>(() => {})),
    ])
    if (isDead) await succession
    return last
  })
}

/** The lease is taken while a write is on its way: it takes effect, its answer comes after the next operator has begun. */
export async function loseLeaseAt(atWrite: number, lives: Lives): Promise<void> {
  await lives.live(async ({ person, start }) => {
    const electable = await lives.electable(person)
    let holding: HoldingApi | undefined
    const wrap = (each: ConstructorParameters<typeof HoldingApi>[0]) => {
      holding = new HoldingApi(each, atWrite)
      return holding.api
    }
    const first = await start({ ...electable, identity: 'first', wrap })
    let isLost = false
    const living = person.live(() => isLost)
    await Promise.race([holding?.held, living])
    if (!holding?.isHeld) return living
    const theft = JSON.stringify({ spec: { holderIdentity: 'second' } })
    const { namespace, name } = electable.lease
    await kubectl(lives.stack, ['patch', 'lease', name, '--type=merge', '-p', theft, '-n', namespace])
    expect(await first.outcome).toBe('lost')
    isLost = true
    const { writes } = holding
    const second = await start({ ...electable, identity: 'second' })
    holding.answer()
    const last = await living
    // It stopped where it was, and nothing was made twice.
    expect(holding.writes).toBe(writes)
    const revisions = [first, second].flatMap(({ calls }) => writesOf(calls)).filter(isRevision)
    expect(revisions).toEqual([...new Set(revisions)])
    return last
  })
}

/** The object of a revision never changes, so it is applied once. */
const isRevision = (write: string) => /^patch configmaps .*-sink-/.test(write)
