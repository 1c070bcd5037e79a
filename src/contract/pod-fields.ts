import * as z from 'zod'
import { API_GROUP } from './names.ts'
import { boundedMap, field, type Rule } from './rule.ts'

/** Source: Quantity, apimachinery/pkg/api/resource/quantity.go, as CRDs of the core types express it. */
const QUANTITY_PATTERN =
  '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$'
const quantityPattern = new RegExp(QUANTITY_PATTERN)
const LABEL_VALUE_PATTERN = '^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$'

const QUANTITY_ALLOWED = 'must be a quantity such as 500m, 1 or 256Mi'

/** CPU, memory and the like, as Kubernetes writes them: a text, or one of `numbers`. */
export function quantity(numbers: z.ZodType<number>) {
  return z
    .union([numbers, z.string()], { error: QUANTITY_ALLOWED })
    .refine((value) => quantityPattern.test(String(value)), {
      error: ({ input }) => `"${input}" is not allowed: ${QUANTITY_ALLOWED}`,
    })
    .meta({ pattern: QUANTITY_PATTERN })
}

const computeQuantities = z
  .record(z.string(), quantity(z.int()).meta({ 'x-kubernetes-int-or-string': true }))
  .optional()

export const resourcesSchema = z.strictObject({
  requests: field(computeQuantities, 'What a pod is guaranteed, such as cpu: 250m and memory: 256Mi.'),
  limits: field(computeQuantities, 'What a pod may use at most.'),
})

const noReservedKeys: Rule<Record<string, string>> = {
  cel: `self.all(key, !key.startsWith('${API_GROUP}/'))`,
  holds: (labels) => Object.keys(labels).every((key) => !key.startsWith(`${API_GROUP}/`)),
  allowed: `keys that begin with ${API_GROUP}/ are not allowed: must be left to the operator, which finds its pods by them`,
  celMessage: null,
}

const labelValue = z.string().max(63).regex(new RegExp(LABEL_VALUE_PATTERN), {
  error: 'must be empty or letters, digits, dots, underscores and hyphens that begin and end with a letter or digit',
})

/** A core type that is too large to repeat here; the API server checks it when the operator makes the Deployment. */
function opaque() {
  return z.looseObject({}).meta({ 'x-kubernetes-preserve-unknown-fields': true })
}

const tolerationSchema = z.strictObject({
  key: field(z.string().max(317), 'Taint key; empty with operator Exists means every taint.').optional(),
  operator: field(
    z.enum(['Exists', 'Equal']),
    'Exists: whatever the value; Equal: the value must be the same. Default Equal.',
  ).optional(),
  value: field(z.string().max(63), 'Taint value, for Equal.').optional(),
  effect: field(
    z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
    'Taint effect. Default: every effect.',
  ).optional(),
  tolerationSeconds: field(z.int(), 'How long a pod stays on a NoExecute node, in seconds. Default: for ever.', {
    format: 'int64',
  }).optional(),
})

const objectName = field(z.string().min(1).max(253), 'Its name.')

const oneSource: Rule<{ secretRef?: unknown; configMapRef?: unknown }> = {
  cel: 'has(self.secretRef) != has(self.configMapRef)',
  holds: ({ secretRef, configMapRef }) => (secretRef === undefined) !== (configMapRef === undefined),
  allowed: 'must name either secretRef or configMapRef',
  celMessage: null,
}

const envFromSchema = field(
  z.strictObject({
    prefix: field(z.string().max(63), 'Put in front of every key. Default: nothing.').optional(),
    secretRef: field(z.strictObject({ name: objectName }), 'A Secret in the connector’s namespace.').optional(),
    configMapRef: field(z.strictObject({ name: objectName }), 'A ConfigMap in the connector’s namespace.').optional(),
  }),
  '',
  { rules: [oneSource] },
)

/** `spec.podTemplate`: the ordinary knobs of a pod, under the names that they have there. */
export const podTemplateSchema = z.strictObject({
  metadata: field(
    z.strictObject({
      labels: field(boundedMap(labelValue, 32), 'Labels beside the operator’s own; at most 32.', {
        maxProperties: 32,
        rules: [noReservedKeys],
      }).optional(),
      annotations: field(boundedMap(z.string(), 32), 'Annotations beside the operator’s own; at most 32.', {
        maxProperties: 32,
        rules: [noReservedKeys],
      }).optional(),
    }),
    'Labels and annotations of the pods.',
  ).optional(),
  nodeSelector: field(z.record(z.string(), labelValue), 'Labels that a node must have.').optional(),
  tolerations: field(z.array(tolerationSchema).max(64), 'Taints that the pods tolerate.').optional(),
  affinity: field(opaque(), 'As in a pod’s spec.', { 'x-kubernetes-preserve-unknown-fields': true }).optional(),
  topologySpreadConstraints: field(
    z.array(opaque()).max(16),
    'As in a pod’s spec. Default: spread over nodes where possible.',
  ).optional(),
  imagePullSecrets: field(
    z.array(z.strictObject({ name: field(z.string().min(1).max(253), 'Name of the Secret.') })).max(16),
    'Secrets in the connector’s namespace with which the image is pulled.',
  ).optional(),
  envFrom: field(
    z.array(envFromSchema).max(16),
    'Secrets and ConfigMaps whose keys become environment variables of the sink, such as credentials for the AWS SDK’s provider chain. Each must exist.',
    { 'x-kubernetes-list-type': 'atomic' },
  ).optional(),
  priorityClassName: field(z.string().max(253), 'PriorityClass of the pods.').optional(),
})
