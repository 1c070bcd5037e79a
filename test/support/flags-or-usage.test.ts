import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const started = (script: string, ...flags: string[]) =>
  spawnSync(process.execPath, [join(root, script), ...flags], { encoding: 'utf8' })

test.each(['test/demo/main.ts', 'test/faults/main.ts', 'test/simulate/main.ts'])(
  '%s tells its flags, and a flag that there is not',
  (script) => {
    expect(started(script, '--help')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^npm run \w+ -- \[/) })
    expect(started(script, '--sed', '1')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^Unknown option '--sed'[\s\S]*\n\nnpm run/),
    })
  },
)

test.each([
  ['test/faults/main.ts', '--kills', '1,000'],
  ['test/faults/main.ts', '--round', 'all'],
  ['test/simulate/main.ts', '--schedules', '100,000'],
  ['test/simulate/main.ts', '--seed', ''],
])('%s %s %s does not pass for want of anything to do', (script, flag, text) => {
  const { status, stderr } = started(script, flag, text)
  expect(stderr).toContain(`${flag} must be a whole number, not "${text}"`)
  expect(status).toBe(2)
})
