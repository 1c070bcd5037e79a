// Runs the built operator as it runs in its pod, but for the container: `node in-pod.mjs <dist> <credentials> <server> <config>`.
// Credentials are the three files of a service account, because a kubeconfig brings in client-node, which is 80 MiB that no pod has.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Counter } from 'prom-client'

const [dist, credentials, server, configPath] = process.argv.slice(2)
const { hostname: serviceHost, port: servicePort } = new URL(server)
const load = (path) => import(join(dist, path))

const { loadInCluster } = await load('kube/cluster-access.js')
const { HttpKubeApi } = await load('kube/http-kube-api.js')
const { requestCounter } = await load('kube/request-counter.js')
const { systemClock } = await load('lib/clock.js')
const { abortOnSignals } = await load('lib/lifecycle.js')
const { createLogger } = await load('lib/logger.js')
const { createRegistry } = await load('lib/metrics.js')
const { parseOperatorConfig } = await load('operator/config.js')
const { keepHeapSmall } = await load('operator/heap.js')
const { runOperator } = await load('operator/run-operator.js')

// As bin/operator does.
keepHeapSmall()
const access = await loadInCluster({ serviceHost, servicePort }, credentials)
const registry = createRegistry()
const onRequest = requestCounter(registry, 'bench')
const api = new HttpKubeApi({ access, userAgent: 'analytics-connector-operator', onRequest })
const writes = new Counter({
  name: 'bench_writes_total',
  help: 'Writes by what was done to what.',
  labelNames: ['what'],
  registers: [registry],
})
const options = {
  api: counted(api, writes),
  config: parseOperatorConfig(readFileSync(configPath, 'utf8'), configPath),
  sinkImage: async () => 'simulated:1',
  idCounter: { namespace: 'default', name: 'analytics-connector-ids' },
  listen: { address: '127.0.0.1', port: 0 },
  lease: undefined,
  identity: `bench_${process.pid}`,
  registry,
  clock: systemClock,
  logger: createLogger('info'),
}
await runOperator(
  options,
  abortOnSignals(process, (code) => process.exit(code)),
)
await api.close()

/** The same calls; those that write are counted. rest_client_requests_total tells methods only. */
function counted(to, counter) {
  const count =
    (verb) =>
    (kind, ...rest) => {
      counter.inc({ what: `${verb} ${kind.kind}${rest[1]?.subresource ? ` ${rest[1].subresource}` : ''}` })
      return to[verb](kind, ...rest)
    }
  const written = Object.fromEntries(
    ['apply', 'create', 'patch', 'replace', 'delete'].map((verb) => [verb, count(verb)]),
  )
  return { get: to.get.bind(to), list: to.list.bind(to), watch: to.watch.bind(to), ...written }
}
