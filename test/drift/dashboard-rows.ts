/** What the dashboard for Grafana shows. */

export interface Target {
  readonly expr: string
  readonly legend: string
}

export interface Panel {
  readonly title: string
  readonly description?: string
  readonly unit: string
  readonly targets: readonly Target[]
  readonly type?: 'timeseries' | 'stat'
}

export interface Row {
  readonly title: string
  readonly panels: readonly Panel[]
}

const of = (metric: string) => `analytics_connector_${metric}{connector=~"$connector"}`
const rate = (metric: string, by = 'connector') => `sum by (${by}) (rate(${of(metric)}[$__rate_interval]))`
const sum = (metric: string) => `sum by (connector) (${of(metric)})`
const target = (expr: string, legend = '{{connector}}'): Target => ({ expr, legend })
const p99 = (bucket: string, by: string, matchers = '') =>
  `histogram_quantile(0.99, sum by (le, ${by}) (rate(${bucket}${matchers}[$__rate_interval])))`
const operators = '{controller="analyticsconnector"}'
const queue = '{name="analyticsconnector"}'
const leader = 'leader_election_master_status{name="analytics-connector-operator"}'
/** Of series of a name that every Node.js or Kubernetes program has: those of our processes, each of which has one of these. */
const ours = `and on (job, instance) (analytics_connector_active or ${leader} or analytics_connector_http_requests_in_flight)`

export const rows: readonly Row[] = [
  {
    title: 'Connectors',
    panels: [
      {
        title: 'By status',
        description: 'Every operator pod reports all connectors of its install.',
        unit: 'short',
        type: 'stat',
        targets: [
          target('sum by (status) (max by (namespace, status) (analytics_connector_connectors))', '{{status}}'),
        ],
      },
      {
        title: 'Not Ready',
        unit: 'short',
        targets: [target(`1 - max by (connector) (${of('ready')}) > 0`)],
      },
      { title: 'Records behind', unit: 'short', targets: [target(sum('lag_records'))] },
      {
        title: 'Since the last flush',
        description: 'A connector without new records has nothing to flush.',
        unit: 's',
        targets: [target(`time() - max by (connector) (${of('last_flush_timestamp_seconds')})`)],
      },
    ],
  },
  {
    title: 'Delivery',
    panels: [
      { title: 'Records read', unit: 'cps', targets: [target(rate('records_read_total'))] },
      {
        title: 'What became of them',
        unit: 'cps',
        targets: [
          target(rate('records_delivered_total'), '{{connector}} delivered'),
          target(rate('records_filtered_total'), '{{connector}} filtered'),
          target(rate('records_rejected_total', 'connector, reason'), '{{connector}} rejected: {{reason}}'),
          target(rate('records_abandoned_total'), '{{connector}} given up, read again'),
        ],
      },
      {
        title: 'Lost to the retention of topics',
        unit: 'short',
        targets: [target(`max by (connector) (${of('lost_offsets')})`)],
      },
      { title: 'Partitions held', unit: 'short', targets: [target(sum('partitions'))] },
      { title: 'Objects created', unit: 'cps', targets: [target(rate('objects_created_total'))] },
      { title: 'Bytes of objects', unit: 'Bps', targets: [target(rate('object_bytes_created_total'))] },
      {
        title: 'Flushes by reason',
        unit: 'cps',
        targets: [target(rate('flushes_total', 'reason'), '{{reason}}')],
      },
      { title: 'Buffered', unit: 'bytes', targets: [target(sum('buffered_bytes'))] },
    ],
  },
  {
    title: 'S3 and Kafka',
    panels: [
      {
        title: 'S3 requests, 99th percentile',
        unit: 's',
        targets: [
          target(
            p99('analytics_connector_s3_request_duration_seconds_bucket', 'operation', '{connector=~"$connector"}'),
            '{{operation}}',
          ),
        ],
      },
      {
        title: 'S3 requests that failed',
        unit: 'cps',
        targets: [target(rate('s3_errors_total', 'operation, code'), '{{operation}} {{code}}')],
      },
      {
        title: 'Commits',
        unit: 'cps',
        targets: [target(rate('kafka_commits_total', 'kind, outcome'), '{{kind}} {{outcome}}')],
      },
      { title: 'Pods that deliver', unit: 'short', targets: [target(sum('active'))] },
    ],
  },
  {
    title: 'Operator',
    panels: [
      {
        title: 'Reconciles by result',
        unit: 'cps',
        targets: [
          target(
            `sum by (result) (rate(controller_runtime_reconcile_total${operators}[$__rate_interval]))`,
            '{{result}}',
          ),
        ],
      },
      {
        title: 'Reconcile, 99th percentile',
        unit: 's',
        targets: [target(p99('controller_runtime_reconcile_time_seconds_bucket', 'controller', operators), 'p99')],
      },
      {
        title: 'Waiting in the queue, 99th percentile',
        unit: 's',
        targets: [target(p99('workqueue_queue_duration_seconds_bucket', 'name', queue), 'p99')],
      },
      {
        title: 'Queue',
        unit: 'short',
        targets: [
          target(`sum(workqueue_depth${queue})`, 'due'),
          target(`sum(controller_runtime_active_workers${operators})`, 'in work'),
        ],
      },
      {
        title: 'Requests to the API server',
        unit: 'cps',
        targets: [
          target(
            `sum by (method, code) (rate(rest_client_requests_total[$__rate_interval]) and on (job, instance) ${leader})`,
            '{{method}} {{code}}',
          ),
        ],
      },
      {
        title: 'Leader',
        unit: 'short',
        targets: [target(leader, '{{pod}}')],
      },
    ],
  },
  {
    title: 'REST API',
    panels: [
      {
        title: 'Requests by status',
        unit: 'cps',
        targets: [
          target('sum by (status) (rate(analytics_connector_http_requests_total[$__rate_interval]))', '{{status}}'),
        ],
      },
      {
        title: 'Answers, 99th percentile',
        unit: 's',
        targets: [target(p99('analytics_connector_http_request_duration_seconds_bucket', 'route'), '{{route}}')],
      },
    ],
  },
  {
    title: 'Processes',
    panels: [
      {
        title: 'Processor',
        unit: 'percentunit',
        targets: [
          target(`sum by (pod) (rate(process_cpu_seconds_total{pod=~"$pod"}[$__rate_interval]) ${ours})`, '{{pod}}'),
        ],
      },
      {
        title: 'Memory',
        unit: 'bytes',
        targets: [target(`sum by (pod) (process_resident_memory_bytes{pod=~"$pod"} ${ours})`, '{{pod}}')],
      },
      {
        title: 'Event loop, 99th percentile',
        unit: 's',
        targets: [target(`max by (pod) (nodejs_eventloop_lag_p99_seconds{pod=~"$pod"} ${ours})`, '{{pod}}')],
      },
    ],
  },
]
