import { MissingObjectError, type ObjectSource } from './object-cache.ts'
import type { Container, EnvFrom, EnvVar, Pod } from './pod.ts'
import { type NodeFacts, podField, resourceField } from './pod-fields.ts'

/** Environment variables in the order they were defined: a later one may refer to an earlier one. */
export type Environment = Map<string, string>

export interface EnvironmentContext {
  readonly pod: Pod
  readonly container: Container
  readonly facts: NodeFacts
  readonly objects: ObjectSource
}

/**
 * The variables that `envFrom` and `env` of a container define, `$(NAME)` expanded.
 *
 * @throws MissingObjectError with the kubelet's message when a ConfigMap, Secret or key that is not optional is missing
 */
export async function containerEnvironment(context: EnvironmentContext): Promise<Environment> {
  const environment: Environment = new Map()
  for (const from of context.container.envFrom ?? []) {
    for (const [key, value] of Object.entries(await valuesFrom(context, from))) {
      environment.set((from.prefix ?? '') + key, value)
    }
  }
  for (const variable of context.container.env ?? []) {
    const value = await variableValue(context, variable, environment)
    if (value !== undefined) environment.set(variable.name, value)
  }
  return environment
}

/**
 * Replaces `$(NAME)` by the variable's value; unknown names stay as they are and `$$` is a literal `$`.
 * Source: Kubernetes third_party/forked/golang/expansion.
 */
export function expand(text: string, environment: Environment): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (environment.get(name) ?? whole),
  )
}

async function variableValue(
  context: EnvironmentContext,
  variable: EnvVar,
  earlier: Environment,
): Promise<string | undefined> {
  const { pod, container, facts, objects } = context
  const from = variable.valueFrom
  if (!from) return expand(variable.value ?? '', earlier)
  if (from.fieldRef) return podField(pod, facts, from.fieldRef)
  if (from.resourceFieldRef) return resourceField(pod, container, facts, from.resourceFieldRef)
  if (from.configMapKeyRef) {
    const { name } = from.configMapKeyRef
    return pick('ConfigMap', pod.metadata.namespace, from.configMapKeyRef, (await objects.configMap(name))?.data)
  }
  if (from.secretKeyRef) {
    const secret = await objects.secret(from.secretKeyRef.name)
    return pick('Secret', pod.metadata.namespace, from.secretKeyRef, secret && decoded(secret.data))
  }
  throw new Error(`environment variable ${variable.name}: this node agent knows no such valueFrom`)
}

interface KeyRef {
  readonly name: string
  readonly key: string
  readonly optional?: boolean
}

function pick(
  kind: string,
  namespace: string,
  { name, key, optional }: KeyRef,
  data: Readonly<Record<string, string>> | undefined,
): string | undefined {
  const value = data?.[key]
  if (value !== undefined || optional) return value
  throw new MissingObjectError(
    data ? `couldn't find key ${key} in ${kind} ${namespace}/${name}` : `${kind.toLowerCase()} "${name}" not found`,
  )
}

async function valuesFrom({ objects }: EnvironmentContext, from: EnvFrom): Promise<Readonly<Record<string, string>>> {
  if (from.configMapRef) {
    const { name, optional } = from.configMapRef
    return required(await objects.configMap(name), 'configmap', name, optional)?.data ?? {}
  }
  if (!from.secretRef) return {}
  const { name, optional } = from.secretRef
  return decoded(required(await objects.secret(name), 'secret', name, optional)?.data)
}

/** @throws MissingObjectError when the object is missing and not optional */
export function required<T>(object: T | undefined, kind: string, name: string, optional = false): T | undefined {
  if (object === undefined && !optional) throw new MissingObjectError(`${kind} "${name}" not found`)
  return object
}

function decoded(data: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  )
}
