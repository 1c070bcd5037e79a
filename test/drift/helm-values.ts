import * as z from 'zod'
import { adminConfigSchema } from '../../src/admin/config.ts'
import { namespaceName } from '../../src/contract/install-config.ts'
import { operatorConfigSchema, quantities } from '../../src/operator/config.ts'

const described = <T extends z.ZodType>(schema: T, description: string) => schema.meta({ description })
const object = () => z.record(z.string(), z.unknown())

/** Knobs of a component's pods: Kubernetes' own fields, passed on as they are. */
const podFields = {
  replicas: described(z.int().min(1).max(10), 'Pods.'),
  resources: described(
    z.strictObject({ requests: quantities.optional(), limits: quantities.optional() }),
    'CPU and memory of each pod.',
  ),
  nodeSelector: described(z.record(z.string(), z.string()), 'Labels of the nodes that the pods may run on.'),
  tolerations: described(z.array(object()), 'Taints of nodes that the pods bear.'),
  affinity: described(object(), 'Further rules for where the pods run.'),
}

/** The values of the Helm chart: values.schema.json and the table of its README are made of it. */
const valuesSchema = z.strictObject({
  global: described(object().optional(), 'Not used; Helm passes it to every chart.'),
  enabled: described(
    z.boolean().optional(),
    'Not used; the usual condition of a chart that has this one among its dependencies.',
  ),
  image: z.strictObject({
    repository: described(
      z.string().regex(/^([^\s/]+\/)*[^\s/:]+$/),
      'Where the image is, without its tag; the sinks run the same one.',
    ),
    tag: described(
      z.string().regex(/^([a-zA-Z0-9_][a-zA-Z0-9._-]{0,127})?$/),
      'Tag of the image; empty: the chart’s appVersion. By digest: the repository ends in `@sha256`, and this is the digest’s 64 characters.',
    ),
  }),
  imagePullSecrets: described(
    z.array(z.strictObject({ name: z.string().min(1) })),
    'Secrets to pull the image with, for operator and REST API. A connector names its own in `spec.podTemplate`.',
  ),
  crds: z.strictObject({
    enabled: described(z.boolean(), 'Whether the release brings the CustomResourceDefinition, and upgrades it.'),
    keep: described(z.boolean(), 'Whether it stays, and with it every connector, when the release is uninstalled.'),
  }),
  watchNamespaces: described(
    z.array(namespaceName),
    'Namespaces whose connectors the install looks after, with rights in these only; empty: all, with rights in all.',
  ),
  operator: z.strictObject({
    ...podFields,
    config: described(
      operatorConfigSchema.omit({ watchNamespaces: true }),
      'The operator’s configuration, as in deploy/base/operator.yaml.',
    ),
  }),
  admin: z.strictObject({
    enabled: described(z.boolean(), 'Whether the REST API is installed too.'),
    ...podFields,
    config: described(
      adminConfigSchema.omit({ watchNamespaces: true, tls: true }),
      'Its configuration, as in deploy/admin/admin.yaml: `realm`, `topicPatterns` and `idCounterNamespace` are those of the operator’s. With `watchNamespaces` that do not have the release’s own, `connectorNamespace` must be one of them. What is set below `auth` comes beside the API’s own issuer, which `auth.builtIn: null` takes away.',
    ),
    tlsSecretName: described(
      z.string(),
      'Secret of type kubernetes.io/tls that it serves HTTPS with, on port 443 of its Service; empty: HTTP, on port 80.',
    ),
    secrets: described(
      z.array(z.strictObject({ name: z.string().min(1), mountPath: z.string().regex(/^\/./) })),
      'Secrets with the files that its configuration names (CA and password for Kafka, secret of the IAM client), such as `{"name": "kafka-admin", "mountPath": "/etc/kafka"}`.',
    ),
  }),
  networkPolicies: z.strictObject({
    enabled: described(
      z.boolean(),
      'Whether NetworkPolicies allow only what is needed; those of the sinks in each of watchNamespaces (for all namespaces: deploy/network-policies/sinks).',
    ),
  }),
  monitoring: z.strictObject({
    labels: described(
      z.record(z.string(), z.string()),
      'Labels by which your Prometheus finds PodMonitors and rules, such as `{"release": "prometheus"}`.',
    ),
    podMonitors: z.strictObject({
      enabled: described(z.boolean(), 'PodMonitors for operator, sinks and REST API (Prometheus operator).'),
    }),
    prometheusRule: z.strictObject({
      enabled: described(z.boolean(), 'The alerts (Prometheus operator).'),
      runbookUrl: described(
        z.string().regex(/^$|[/=#]$/),
        'What stands before the name of a runbook in `runbook_url`: the address of your copy of docs/runbooks/, with the slash.',
      ),
    }),
    dashboard: z.strictObject({
      enabled: described(z.boolean(), 'A ConfigMap with the dashboard, as Grafana’s sidecar looks for it.'),
    }),
  }),
})

interface JsonSchema {
  readonly [keyword: string]: unknown
  readonly properties?: Record<string, JsonSchema>
}

/** values.schema.json, by which helm refuses a wrong value before anything is applied. */
export function valuesJsonSchema(): JsonSchema {
  return plain(z.toJSONSchema(valuesSchema, { target: 'draft-7', io: 'input' })) as JsonSchema
}

/** Without what only the CRD understands and bounds that only say "a number of JavaScript". */
function plain(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(plain)
  if (node === null || typeof node !== 'object') return node
  const kept = Object.entries(node).filter(
    ([keyword, value]) => !keyword.startsWith('x-kubernetes-') && Math.abs(value) !== Number.MAX_SAFE_INTEGER,
  )
  return Object.fromEntries(kept.map(([keyword, value]) => [keyword, plain(value)]))
}

/** The table of the chart's README. @param values of values.yaml */
export function valuesTable(values: Record<string, unknown>): string {
  const rows = leaves(valuesJsonSchema(), values, [])
  return ['| value | default | meaning |', '|---|---|---|', ...rows].join('\n')
}

/** A line for each value that has a description. */
function leaves(node: JsonSchema, value: unknown, path: readonly string[]): string[] {
  if (typeof node.description === 'string') {
    if (value === undefined) return []
    return [`| \`${path.join('.')}\` | \`${JSON.stringify(value)}\` | ${node.description} |`]
  }
  return Object.entries(node.properties ?? {}).flatMap(([name, below]) =>
    leaves(below, (value as Record<string, unknown> | undefined)?.[name], [...path, name]),
  )
}
