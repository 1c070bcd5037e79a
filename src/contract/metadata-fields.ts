/**
 * `metadata`, by those rules of the API server that a manifest can break. Not part of the CRD: every kind has them.
 * Source: ValidateObjectMeta, apimachinery/pkg/api/validation/objectmeta.go.
 */
import * as z from 'zod'

const MAX_ANNOTATIONS_BYTES = 262_144
const MAX_PREFIX_LENGTH = 253
const PREFIX = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/
const NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/
const NAME_ALLOWED = '63 letters, digits, dots, underscores and hyphens that begin and end with a letter or digit'
const KEY_ALLOWED = `must be 1 to ${NAME_ALLOWED}, perhaps after a domain name in lower case and a slash`

const texts = z.record(z.string(), z.string())

const labels = texts.superRefine((map, context) => {
  for (const [key, value] of Object.entries(map)) {
    if (!isQualifiedName(key)) refuse(context, key, KEY_ALLOWED)
    if (value !== '' && !NAME.test(value)) refuse(context, value, `must be empty or up to ${NAME_ALLOWED}`)
  }
})

const annotations = texts.superRefine((map, context) => {
  // The API server asks less of an annotation's key than of a label's: capitals in its domain name are no fault.
  for (const key of Object.keys(map)) if (!isQualifiedName(key.toLowerCase())) refuse(context, key, KEY_ALLOWED)
  const bytes = Object.entries(map).reduce((sum, [key, value]) => sum + Buffer.byteLength(key + value), 0)
  if (bytes > MAX_ANNOTATIONS_BYTES)
    context.addIssue({ code: 'custom', message: `must have at most ${MAX_ANNOTATIONS_BYTES} bytes, not ${bytes}` })
})

export const metadataSchema = z.strictObject({
  name: z.string(),
  generateName: z.string().optional(),
  namespace: z.string().optional(),
  labels: labels.optional(),
  annotations: annotations.optional(),
  finalizers: z.array(z.string()).optional(),
  ownerReferences: z.array(z.looseObject({})).optional(),
  uid: z.string().optional(),
  resourceVersion: z.string().optional(),
  generation: z.int().optional(),
  creationTimestamp: z.string().optional(),
  deletionTimestamp: z.string().optional(),
  deletionGracePeriodSeconds: z.int().optional(),
  managedFields: z.array(z.looseObject({})).optional(),
  selfLink: z.string().optional(),
})

function isQualifiedName(key: string): boolean {
  const slash = key.indexOf('/')
  const prefix = key.slice(0, Math.max(slash, 0))
  return NAME.test(key.slice(slash + 1)) && (slash < 0 || (prefix.length <= MAX_PREFIX_LENGTH && PREFIX.test(prefix)))
}

function refuse(context: z.RefinementCtx, given: string, allowed: string): void {
  context.addIssue({ code: 'custom', message: `${JSON.stringify(given)} is not allowed: ${allowed}` })
}
