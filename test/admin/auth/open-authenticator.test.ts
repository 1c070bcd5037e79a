import { expect, it } from 'vitest'
import { openAuthenticator } from '../../../src/admin/auth/open-authenticator.ts'
import type { Logger } from '../../../src/lib/logger.ts'

it('lets everybody in, and shouts at the start and at every hundredth request', async () => {
  const warnings: unknown[][] = []
  const authenticator = openAuthenticator({ warn: (...args: unknown[]) => warnings.push(args) } as unknown as Logger)
  expect(warnings).toEqual([[expect.stringContaining('AUTHENTICATION IS OFF')]])
  for (let i = 0; i < 250; i++) {
    const caller = await authenticator.authenticate(undefined)
    expect(await caller.allows('ADMIN:ANALYTICS:CONNECTOR', 'DELETE')).toBe(true)
  }
  expect(warnings).toHaveLength(3)
})
