import { type Panel, rows } from './dashboard-rows.ts'

/** Grafana's grid is 24 wide. */
const PANEL = { w: 6, h: 8 }
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's variable
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' }

/** Every expression of the dashboard. */
export function dashboardExpressions(): string[] {
  return rows.flatMap(({ panels }) => panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)))
}

/** deploy/monitoring/dashboard.json, for Grafana 10 and newer. */
export function dashboard(): object {
  let [y, id] = [0, 0]
  const panels = rows.flatMap(({ title, panels: shown }) => {
    const header = {
      id: ++id,
      type: 'row',
      title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y: y++, w: 24, h: 1 },
    }
    const placed = shown.map((panel, i) => {
      const gridPos = { x: (i % 4) * PANEL.w, y: y + Math.floor(i / 4) * PANEL.h, ...PANEL }
      return grafanaPanel(panel, ++id, gridPos)
    })
    y += Math.ceil(shown.length / 4) * PANEL.h
    return [header, ...placed]
  })
  return {
    uid: 'analytics-connector',
    title: 'Analytics Connector',
    tags: ['analytics-connector'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    // Required by Grafana's schema of a dashboard, though Grafana itself does without.
    annotations: { list: [] },
    time: { from: 'now-3h', to: 'now' },
    templating: { list: [datasourceVariable(), variable('connector', 'analytics_connector_ready'), podVariable()] },
    panels,
  }
}

function grafanaPanel({ title, description, unit, targets, type = 'timeseries' }: Panel, id: number, gridPos: object) {
  return {
    id,
    type,
    title,
    ...(description ? { description } : {}),
    datasource: DATASOURCE,
    gridPos,
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    targets: targets.map(({ expr, legend }, i) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + i),
      datasource: DATASOURCE,
      expr,
      legendFormat: legend,
    })),
  }
}

function datasourceVariable() {
  return { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus', refresh: 1 }
}

function variable(label: string, metric: string) {
  return {
    name: label,
    type: 'query',
    datasource: DATASOURCE,
    query: { query: `label_values(${metric}, ${label})`, refId: label },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
  }
}

/** The pods of the operator, the REST API and the sinks. Of these metrics only the leader's has a name, and other operators have it too. */
function podVariable() {
  return variable(
    'pod',
    '{__name__=~"analytics_connector_active|leader_election_master_status|analytics_connector_http_requests_in_flight", name=~"|analytics-connector-operator"}',
  )
}
