import { parse } from 'yaml'
import { type ExposedMetric, exposedMetrics, type Program } from '../support/exposed-metrics.ts'
import { textOf } from './files.ts'

const PROGRAMS: Readonly<Record<Program, readonly [title: string, where: string]>> = {
  sink: ['Sinks', 'Port 8080 of each sink pod. Every series has the label `connector`: `<namespace>/<name>`.'],
  operator: [
    'Operator',
    'Port 8080 of each operator pod, under the names that controller-runtime has made common. Every pod knows every connector; only the leader reconciles.',
  ],
  admin: ['REST API', 'Port 8080 of each pod of the REST API, not the port of the API.'],
}

interface Alert {
  readonly alert: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly description: string }
}

/** docs/metrics.md: every metric, from the code that registers it, and every alert. */
export function metricsReference(): string {
  return [
    '# Metrics, dashboard and alerts',
    '`GET /metrics` in the text format of Prometheus. [deploy/monitoring](../deploy/monitoring/kustomization.yaml) is a kustomize component with PodMonitors, a dashboard for ' +
      'Grafana and the alerts below; the [Helm chart](../deploy/helm/analytics-connector/README.md) has the same behind `monitoring`. Without the Prometheus operator ' +
      'take [alerts.yaml](../deploy/monitoring/alerts.yaml) as a rule file and [dashboard.json](../deploy/monitoring/dashboard.json) as it is.',
    'Counters begin at 0 when a process starts. Beside those below every process has `process_*` and `nodejs_*`: processor time, memory, open files, event loop.',
    ...(Object.keys(PROGRAMS) as Program[]).flatMap(section),
    '## Alerts',
    ['| alert | severity | what it says |', '|---|---|---|', ...alerts().map(alertRow)].join('\n'),
  ].join('\n\n')
}

function section(program: Program): string[] {
  const [title, where] = PROGRAMS[program]
  const rows = exposedMetrics()[program].map(metricRow)
  return [`## ${title}`, where, ['| metric | type | labels | meaning |', '|---|---|---|---|', ...rows].join('\n')]
}

function metricRow({ name, type, labels, help }: ExposedMetric): string {
  return `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(' ')} | ${help} |`
}

function alerts(): Alert[] {
  const { groups } = parse(textOf('deploy/monitoring/alerts.yaml')) as { groups: { rules: Alert[] }[] }
  return groups.flatMap(({ rules }) => rules)
}

/** What Prometheus puts a number in for is told as N: a bar would end the cell. */
function alertRow({ alert, labels, annotations }: Alert): string {
  const description = annotations.description.replace(/\{\{.*?\}\}/g, 'N')
  return `| [${alert}](runbooks/${alert}.md) | ${labels.severity} | ${description} |`
}
