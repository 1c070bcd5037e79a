/** An API server that lets the operator write some objects and not yet others, as one does whose roles arrive after its start. */
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { CONNECTORS } from '../../../src/kube/kinds.ts'
import { eventually } from '../../support/eventually.ts'
import { grant, type Permission, permissionsOfConfined } from '../../support/permissions.ts'
import { NAME } from './life.ts'
import type { Lives } from './lives.ts'

const READ = ['get', 'list', 'watch']

/** The status may be written all the time: it must not say that the connector is at fault. */
export async function beforeRolesAreRead(lives: Lives): Promise<void> {
  await lives.live(async ({ person, start }) => {
    const { access } = await lives.electable(person)
    const { namespace } = person
    const confined = { folder: 'overlays/namespace', home: namespace, watched: namespace } as const
    const roles = (await permissionsOfConfined(lives.stack, confined)).filter(({ kind }) => kind === 'Role')
    await grant(lives.stack, roles.map(withoutDeployments))
    const operator = await start({ access })
    const generation = await person.asks(NAME, {})
    const refused = () => operator.calls.some(({ resource, status }) => resource === 'deployments' && status === 403)
    await eventually(20_000, async () => expect(refused()).toBe(true))
    await delay(2_000)
    const { status } = (await person.api.get(CONNECTORS, { namespace, name: NAME })) ?? {}
    expect(status?.conditions ?? []).toEqual([])
    await grant(lives.stack, roles)
    await person.ready(NAME, generation)
    return person.live()
  })
}

function withoutDeployments({ rules = [], ...role }: Permission): Permission {
  const changed = rules.map((rule) => (rule.resources.includes('deployments') ? { ...rule, verbs: READ } : rule))
  return { ...role, rules: changed }
}
