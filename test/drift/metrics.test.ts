/** Dashboard and alerts ask only for what the programs expose, and docs/metrics.md has all of that. */
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { exposedMetrics, METRIC_SOURCES, processMetrics } from '../support/exposed-metrics.ts'
import { dashboardExpressions } from './dashboard.ts'
import { filesLike, textOf } from './files.ts'

const exposed = Object.values(exposedMetrics()).flat()
const known = new Map([
  ...processMetrics().map((name) => [name, []] as const),
  ...exposed.map(({ name, labels }) => [name, labels] as const),
])
/** Labels that Prometheus or the registry of a program puts on every series. */
const COMMON = ['connector', 'namespace', 'pod', 'job', 'instance', 'le', '__name__']

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[]
}

const rules = (parse(textOf('deploy/monitoring/alerts.yaml')) as Rules).groups.flatMap((group) => group.rules)
const expressions = [
  ...rules.map(({ alert, expr }) => ({ where: alert, expr })),
  ...dashboardExpressions().map((expr) => ({ where: 'dashboard', expr })),
]

/** A histogram is exposed as three. */
const base = (name: string) => (known.has(name) ? name : name.replace(/_(bucket|sum|count)$/, ''))

/** Names with a selector or a range behind them, and those of our own metrics anywhere. */
function metricsIn(expr: string): string[] {
  const text = expr.replace(/"[^"]*"/g, '""')
  const selected = [...text.matchAll(/\b([a-zA-Z_:][\w:]*)\s*[{[]/g)].map(([, name = '']) => name)
  const ours = [...text.matchAll(/\b((?:analytics_connector|controller_runtime|workqueue|rest_client|leader)_\w+)/g)]
  return [...selected, ...ours.map(([, name = '']) => name)].map(base)
}

test('expressions are found, in alerts and dashboard', () => {
  expect(expressions.length).toBeGreaterThan(35)
  expect(metricsIn('rate(foo_total[5m]) > analytics_connector_ready{a="b"}').sort()).toContain('foo_total')
})

test.each(expressions)('$where: $expr asks for metrics and labels that exist', ({ expr }) => {
  const names = [...new Set(metricsIn(expr))]
  expect(names.filter((name) => !known.has(name))).toEqual([])
  expect(names).not.toEqual([])
  const labels = [...COMMON, ...names.flatMap((name) => known.get(name) ?? [])]
  const asked = [
    ...[...expr.matchAll(/(\w+)\s*(?:=~|!=|!~|=)\s*"/g)].map(([, label = '']) => label),
    ...[...expr.matchAll(/(?:by|on)\s*\(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/)),
  ]
  expect(asked.filter((label) => !labels.includes(label))).toEqual([])
})

test('every source that makes a metric is asked for docs/metrics.md', () => {
  const makers = filesLike('src/**/*.ts').filter((path) => /new (Counter|Gauge|Histogram|Summary)\(/.test(textOf(path)))
  expect(makers).toEqual(METRIC_SOURCES)
})

test('metrics are named by the conventions of Prometheus', () => {
  const counters = exposed.filter(({ type }) => type === 'counter').map(({ name }) => name)
  expect(counters.filter((name) => !name.endsWith('_total'))).toEqual([])
  expect(exposed.filter(({ type, name }) => type !== 'counter' && name.endsWith('_total'))).toEqual([])
})
