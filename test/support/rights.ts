/** What roles grant, held against what was asked of an API server. */
import type { Asked } from './audit-log.ts'
import type { Permission } from './permissions.ts'

/** One verb on one resource, as a role grants it to a service account. */
export interface Right {
  readonly account: string
  /** Where it is written, for people. */
  readonly role: string
  /** Undefined: in every namespace. */
  readonly namespace: string | undefined
  readonly verb: string
  readonly group: string
  /** Plural of the kind, with its subresource. */
  readonly resource: string
  /** Undefined: every name. */
  readonly name: string | undefined
}

/** Every right that manifests of deploy grant. A role that is bound to nobody is one of `unboundFor`, wherever somebody may bind it. */
export function rightsOf(permissions: readonly Permission[], unboundFor: string): Right[] {
  const roles = permissions.filter(({ rules }) => rules !== undefined)
  return roles.flatMap((role) => {
    const bindings = permissions.filter(
      ({ roleRef, metadata }) =>
        roleRef?.kind === role.kind &&
        roleRef?.name === role.metadata?.name &&
        (role.kind === 'ClusterRole' || metadata?.namespace === role.metadata?.namespace),
    )
    if (bindings.length === 0) return rightsIn(role, unboundFor, undefined)
    return bindings.flatMap(({ subjects = [], metadata }) =>
      subjects.flatMap(({ name }) => rightsIn(role, name, metadata?.namespace)),
    )
  })
}

function rightsIn({ kind, metadata, rules = [] }: Permission, account: string, namespace: string | undefined): Right[] {
  const role = `${kind} ${metadata?.name}`
  return rules.flatMap(({ apiGroups, resources, resourceNames = [undefined], verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        resourceNames.flatMap((name) =>
          verbs.map((verb) => ({ account, role, namespace, verb, group, resource, name })),
        ),
      ),
    ),
  )
}

/** Whether the right is one that lets this be done. */
export function allows(right: Right, asked: Asked): boolean {
  return (
    right.account === asked.account &&
    right.verb === asked.verb &&
    right.group === asked.group &&
    right.resource === asked.resource &&
    (right.namespace === undefined || right.namespace === asked.namespace) &&
    (right.name === undefined || right.name === asked.name)
  )
}

export function describeRight({ account, role, namespace, verb, group, resource, name }: Right): string {
  const what = `${resource}${group && `.${group}`}${name === undefined ? '' : ` ${name}`}`
  return `${role} lets ${account} ${verb} ${what} in ${namespace ?? 'every namespace'}`
}
