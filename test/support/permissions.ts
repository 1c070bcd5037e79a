/** The rights that deploy gives the programs, and programs of a test that have exactly these. */
import { type ClusterAccess, loadClusterAccess } from '../../src/kube/cluster-access.ts'
import type { KubeObject } from '../../src/kube/kinds.ts'
import type { Stack } from '../stack/stack.ts'
import { OPERATOR_NAMESPACE } from './install-operator.ts'
import { apply, kubectl } from './kubectl.ts'
import { type Kustomization, kustomized } from './kustomized.ts'

const OPERATOR = 'analytics-connector-operator'
const ADMIN = 'analytics-connector-admin'

export interface PolicyRule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}

export type Permission = KubeObject & {
  readonly kind?: string
  readonly rules?: readonly PolicyRule[]
  readonly roleRef?: { readonly kind: string; readonly name: string }
  readonly subjects?: readonly { readonly name: string; readonly namespace: string }[]
}

const KINDS = ['Namespace', 'ServiceAccount', 'Secret', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding']

/** The objects of a folder of deploy that give a program its rights, and those that must be there beforehand. */
export function permissionsOf(stack: Stack, folder: string): Promise<Permission[]> {
  return permissionsIn(stack, { resources: [folder] })
}

async function permissionsIn(stack: Stack, kustomization: Kustomization): Promise<Permission[]> {
  return (await kustomized(stack, kustomization)).filter(({ kind }) => KINDS.includes(kind))
}

/** An overlay of deploy for some namespaces, as a user would make it. */
export interface Confined {
  readonly folder: 'overlays/namespace' | 'overlays/namespaces'
  /** Namespace of the operator itself. */
  readonly home: string
  readonly watched: string
}

export async function permissionsOfConfined(stack: Stack, confined: Confined): Promise<Permission[]> {
  return moved(await permissionsOf(stack, confined.folder), confined)
}

/** Of the REST API beside such an operator. */
export async function permissionsOfConfinedAdmin(stack: Stack, confined: Confined): Promise<Permission[]> {
  const component = confined.folder.replace('overlays/', 'admin/')
  const permissions = await permissionsIn(stack, { resources: [confined.folder, 'admin'], components: [component] })
  const isAdmins = ({ metadata }: Permission) => metadata?.labels?.['app.kubernetes.io/component'] === 'admin'
  return moved(permissions.filter(isAdmins), confined)
}

/** As a user sets the namespaces, of which the folders name two. */
function moved(permissions: readonly Permission[], { home, watched }: Confined): Permission[] {
  const text = JSON.stringify(permissions)
    .replaceAll(`"namespace":"${OPERATOR_NAMESPACE}"`, `"namespace":"${home}"`)
    .replaceAll('"namespace":"games"', `"namespace":"${watched}"`)
  return (JSON.parse(text) as Permission[]).filter(({ metadata }) => metadata?.namespace !== 'services')
}

/** An operator that is confined to some namespaces, which are there. */
export async function signInConfined(stack: Stack, confined: Confined): Promise<ClusterAccess> {
  await grant(stack, await permissionsOfConfined(stack, confined))
  return signedIn(stack, confined.home, OPERATOR)
}

/** As docs/decisions/0007-secrets-by-metadata-where-allowed.md says. */
export async function letWatchSecrets(stack: Stack, namespace: string, home = OPERATOR_NAMESPACE): Promise<void> {
  const role = 'analytics-connector-operator-secrets'
  const operator = `--serviceaccount=${home}:${OPERATOR}`
  await kubectl(stack, ['create', 'rolebinding', `${role}.${home}`, `--clusterrole=${role}`, operator, '-n', namespace])
}

const operators = new Map<string, Promise<ClusterAccess>>()

/** The operator of deploy/base. */
export function signInAsOperator(stack: Stack): Promise<ClusterAccess> {
  const known = operators.get(stack.kubeconfigPath)
  if (known) return known
  const access = permissionsOf(stack, 'base')
    .then((permissions) => grant(stack, permissions))
    .then(() => signedIn(stack, OPERATOR_NAMESPACE, OPERATOR))
  operators.set(stack.kubeconfigPath, access)
  return access
}

/** The REST API of deploy/admin. */
export async function signInAsAdmin(stack: Stack): Promise<ClusterAccess> {
  // The namespace is in base.
  await grant(stack, [...(await permissionsOf(stack, 'base')), ...(await permissionsOf(stack, 'admin'))])
  return signedIn(stack, OPERATOR_NAMESPACE, ADMIN)
}

/** The REST API beside such an operator; the namespaces are there. */
export async function signInConfinedAdmin(stack: Stack, confined: Confined): Promise<ClusterAccess> {
  await grant(stack, await permissionsOfConfinedAdmin(stack, confined))
  return signedIn(stack, confined.home, ADMIN)
}

export function grant(stack: Stack, permissions: readonly Permission[]): Promise<string> {
  return apply(stack, { apiVersion: 'v1', kind: 'List', items: permissions.map(unlabelled) })
}

/** Without the label of an install: what a test grants stays behind, and is nothing that an uninstall has forgotten. */
function unlabelled(permission: Permission): Permission {
  const { 'app.kubernetes.io/name': _, ...labels } = permission.metadata?.labels ?? {}
  return { ...permission, metadata: { ...permission.metadata, labels } }
}

/** The API server as a service account that is there already meets it. */
async function signedIn(stack: Stack, namespace: string, account: string): Promise<ClusterAccess> {
  const token = await kubectl(stack, ['create', 'token', account, '-n', namespace, '--duration=6h'])
  const admin = await loadClusterAccess({ kubeconfig: stack.kubeconfigPath })
  return { ...admin, namespace, authorization: async () => `Bearer ${token.trim()}` }
}
