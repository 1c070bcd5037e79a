/** Each alert of deploy/monitoring fires where it should, and only there: promtool evaluates the rules over made-up series. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
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

/** A variable of Grafana stands where a string or a duration is. */
function asPrometheusHasIt(expr: string): string {
  return expr.replace(/\$__\w+/g, '5m').replace(/\$\{?\w+\}?/g, 'any')
}

async function written(content: object): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'promtool-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, 'rules.yaml')
  await writeFile(file, stringify(content))
  return file
}

test('promtool finds nothing wrong with the rules', async () => {
  const flags = ['--lint=all', '--lint-fatal']
  expect(await runCommand(promtool, ['check', 'rules', ...flags, join(REPOSITORY, RULES)])).toContain('SUCCESS')
})

test('promtool understands every query of the dashboard', async () => {
  const rules = dashboardExpressions().map((expr, i) => ({
    record: `dashboard:query_${i}`,
    expr: asPrometheusHasIt(expr),
  }))
  const file = await written({ groups: [{ name: 'dashboard', rules }] })
  const said = await runCommand(promtool, ['check', 'rules', '--lint=all', '--lint-fatal', file])
  expect(said).toContain(`${rules.length} rules found`)
})

/** A process of ours, and two of others beside it that have metrics of the same names. */
const processes = [
  { who: 'ours', leader: 'analytics-connector-operator' },
  { who: 'another-operator', leader: 'another' },
  { who: 'a-program', leader: undefined },
].flatMap(({ who, leader }) => {
  const series = (metric: string, labels = '') =>
    `${metric}{job="${who}", instance="${who}:8080", pod="${who}"${labels}}`
  const shared = [
    series('process_cpu_seconds_total'),
    series('process_resident_memory_bytes'),
    series('nodejs_eventloop_lag_p99_seconds'),
    series('rest_client_requests_total', ', method="GET", code="200"'),
    ...(leader === undefined ? [] : [series('leader_election_master_status', `, name="${leader}"`)]),
  ]
  return shared.map((each) => ({ series: each, values: '0+60x20' }))
})

test('the dashboard tells of our processes only, whatever others there are', async () => {
  const queries = dashboardExpressions().filter((expr) => /\b(process|nodejs|rest_client)_/.test(expr))
  expect(queries).toHaveLength(4)
  const promql_expr_test = queries.map((expr) => ({
    expr: asPrometheusHasIt(expr).replaceAll('"any"', '".*"'),
    eval_time: '10m',
    exp_samples: [
      {
        labels: expr.includes('rest_client') ? '{method="GET", code="200"}' : '{pod="ours"}',
        value: expr.includes('rate(') ? 1 : 600,
      },
    ],
  }))
  const tests = [{ interval: '1m', input_series: processes, promql_expr_test }]
  const file = await written({ evaluation_interval: '1m', rule_files: [], tests })
  expect(await runCommand(promtool, ['test', 'rules', file])).toContain('SUCCESS')
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
