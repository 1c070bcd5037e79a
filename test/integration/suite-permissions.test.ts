/** Runs last (test/support/suite-sequencer.ts): what all operators and REST APIs of the run asked of the API server, by its own log. */
import { expect, inject, test } from 'vitest'
import { connectStack } from '../stack/remote.ts'
import { readAuditLog } from '../support/audit-log.ts'
import { permissionsOf } from '../support/permissions.ts'
import { allows, describeRight, type Right, rightsOf } from '../support/rights.ts'

const stack = connectStack(inject('stack'))
const run = inject('run')

/** Once in a run, as the log is long. */
const findings = stack.auditLogPath === undefined ? undefined : compare(stack.auditLogPath)

async function compare(auditLogPath: string): Promise<{ missing: string[]; unused: string[] }> {
  const folders = await Promise.all(['base', 'admin'].map((folder) => permissionsOf(stack, folder)))
  // Bound by a person where a change of a Secret shall replace pods; unbound, the operator asks and is refused.
  const rights = rightsOf(folders.flat(), 'analytics-connector-operator')
  const unused = new Set<Right>(rights)
  const missing = new Set<string>()
  for await (const asked of readAuditLog(auditLogPath, run.auditLogFrom)) {
    const granting = rights.filter((right) => allows(right, asked))
    if (asked.isAllowed) for (const right of granting) unused.delete(right)
    // What deploy grants and was refused all the same, somebody had taken away: an uninstall.
    else if (granting.length === 0) missing.add(`${asked.account} ${asked.verb} ${asked.resource}.${asked.group}`)
  }
  return { missing: [...missing], unused: [...unused].map(describeRight) }
}

test.skipIf(!findings)('nothing that a program needed was missing in the rights of deploy', async () => {
  expect((await findings)?.missing).toEqual([])
})

test.skipIf(!findings || !run.isWhole)(
  'no right of deploy is one that no program of the whole suite used',
  async () => {
    expect((await findings)?.unused).toEqual([])
  },
)
