/** Each alert of deploy/monitoring fires where it should, and only there: promtool evaluates the rules over made-up series. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { dashboardExpressions } from '../drift/dashboard.ts'
import { filesLike, textOf } from '../drift/files.ts'
import { REPOSITORY } from '../repository.ts'
import { runCommand } from '../stack/native/run-command.ts'
import { findPromtool } from '../stack/tools/promtool.ts'

const RULES = 'deploy/monitoring/alerts.yaml'
const TESTS = 'test/monitoring/alerts.test.yaml'
let promtool: string

beforeAll(async () => {
  promtool = await findPromtool({ progress: (line) => console.log(line) })
}, 1_200_000)

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string }[] }[]
}

interface RuleTests {
  readonly tests: readonly {
    readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[]
  }[]
}

const alerts = (parse(textOf(RULES)) as Rules).groups.flatMap(({ rules }) => rules.map(({ alert }) => alert))

test('promtool finds nothing wrong with the rules', async () => {
  const flags = ['--lint=all', '--lint-fatal']
  expect(await runCommand(promtool, ['check', 'rules', ...flags, join(REPOSITORY, RULES)])).toContain('SUCCESS')
})

test('promtool understands every query of the dashboard', async () => {
  // A variable of Grafana stands where a string or a duration is.
  const queries = dashboardExpressions().map((expr) => expr.replace(/\$__\w+/g, '5m').replace(/\$\{?\w+\}?/g, 'any'))
  const rules = queries.map((expr, i) => ({ record: `dashboard:query_${i}`, expr }))
  const folder = await mkdtemp(join(tmpdir(), 'dashboard-'))
  try {
    await writeFile(join(folder, 'rules.yaml'), stringify({ groups: [{ name: 'dashboard', rules }] }))
    const said = await runCommand(promtool, [
      'check',
      'rules',
      '--lint=all',
      '--lint-fatal',
      join(folder, 'rules.yaml'),
    ])
    expect(said).toContain(`${queries.length} rules found`)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('every alert fires in its test, with its labels and words, and not in the others', async () => {
  expect(await runCommand(promtool, ['test', 'rules', join(REPOSITORY, TESTS)])).toContain('SUCCESS')
})

test('there is a test in which it fires and one in which it does not for every alert', () => {
  const cases = (parse(textOf(TESTS)) as RuleTests).tests.flatMap(({ alert_rule_test }) => alert_rule_test)
  const named = (isFiring: boolean) =>
    new Set(cases.filter(({ exp_alerts }) => exp_alerts.length > 0 === isFiring).map(({ alertname }) => alertname))
  expect([...named(true)].sort()).toEqual(alerts.toSorted())
  expect([...named(false)].sort()).toEqual(alerts.toSorted())
})

test('every alert has a runbook, and every runbook an alert', () => {
  expect(filesLike('docs/runbooks/*.md')).toEqual(alerts.map((alert) => `docs/runbooks/${alert}.md`).sort())
})
