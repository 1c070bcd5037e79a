import { Clients } from '../admin/auth/issuer/clients.ts'
import { ISSUER_SECRETS } from '../admin/auth/issuer/issuer.ts'
import { Revocations } from '../admin/auth/issuer/revocations.ts'
import { actionsOf } from '../admin/auth/permissions.ts'
import { HttpKubeApi } from '../kube/http-kube-api.ts'
import { type ObjectRef, SECRETS } from '../kube/kinds.ts'
import { sleep, systemClock } from '../lib/clock.ts'
import { createLogger } from '../lib/logger.ts'
import { type Command, endWithReader, FlagError, parseFlags } from './command.ts'
import { findCluster, KUBECONFIG_USAGE } from './find-cluster.ts'
import { parsePermission } from './permission-flag.ts'

const USAGE = `Usage: analytics-connector clients create [<id>] --permission <permission>… [flags]
       analytics-connector clients list [flags]
       analytics-connector clients delete <id> [flags]

Manages who may get tokens from the built-in issuer of the REST API. Create prints id and secret of the new client, the secret
this once: only a hash of it is kept. Delete also voids the tokens that the client has.

  --permission <permission>  such as ADMIN:ANALYTICS:CONNECTOR=CREATE,READ,UPDATE,DELETE; may be repeated
  --namespace, -n <name>     namespace of the admin service; default: that of the pod, or of the kubeconfig's context
  --kubeconfig <file>        default: ${KUBECONFIG_USAGE}

Exit code 0: done. 1: failed, such as for want of permission. 2: wrong usage.
`

const OPTIONS = {
  permission: { type: 'string', multiple: true, default: [] as string[] },
  namespace: { type: 'string', short: 'n' },
  kubeconfig: { type: 'string' },
} as const

export const clientsCommand: Command = { usage: USAGE, run }

interface Stores {
  readonly clients: Clients
  /** By the API server's clock, whose time it is given: that of who deletes a client may be wrong, and would spare tokens, or forget what is void. */
  readonly revocationsAt: (nowMs: number) => Revocations
  readonly now: () => Promise<number>
}
type Action = (stores: Stores) => Promise<void>

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseFlags({ args, allowPositionals: true, options: OPTIONS })
  const action = actionFor(positionals, values.permission)
  endWithReader()
  const access = await findCluster(values.kubeconfig)
  const api = new HttpKubeApi({ access, userAgent: 'analytics-connector-clients' })
  const namespace = values.namespace ?? access.namespace
  const logger = createLogger('silent')
  try {
    await tellOfOtherNamespace(api, { namespace, name: ISSUER_SECRETS.clients })
    await action({
      clients: new Clients(api, { namespace, name: ISSUER_SECRETS.clients }),
      revocationsAt: (nowMs) => {
        const clock = { now: () => nowMs, elapsed: systemClock.elapsed }
        return new Revocations(api, { namespace, name: ISSUER_SECRETS.revocations }, { clock, logger })
      },
      now: () => api.now(),
    })
    return 0
  } finally {
    await api.close()
  }
}

/** The namespace of a kubeconfig is seldom that of the REST API, where an install brings the Secret: a client that is made elsewhere gets no token. */
async function tellOfOtherNamespace(api: HttpKubeApi, { namespace, name }: ObjectRef): Promise<void> {
  if (await api.get(SECRETS, { namespace, name })) return
  process.stderr.write(
    `analytics-connector clients: namespace ${namespace} has no Secret ${name}, as that of a REST API has: --namespace names another\n`,
  )
}

/** @throws FlagError */
function actionFor([verb, id, ...others]: string[], permissions: string[]): Action {
  if (others.length > 0) throw new FlagError(`what is "${others[0]}"?`)
  if (verb === 'create') {
    if (permissions.length === 0) throw new FlagError('create needs at least one --permission')
    return create(
      permissions.map((text) => parsePermission('--permission', text)),
      id,
    )
  }
  if (permissions.length > 0) throw new FlagError('--permission is for create')
  if (verb === 'list' && id === undefined) return list
  if (verb === 'delete' && id !== undefined) return remove(id)
  throw new FlagError('say create, list, or delete and the id of a client')
}

function create(permissions: Parameters<Clients['create']>[0], id: string | undefined): Action {
  return async ({ clients }) => {
    const client = await clients.create(permissions, Date.now(), id)
    process.stdout.write(`client_id: ${client.id}\nclient_secret: ${client.secret}\n`)
  }
}

async function list({ clients }: Stores): Promise<void> {
  for (const { id, createdAt, permissions } of await clients.list()) {
    const granted = permissions.map(({ resource, actions }) => `${resource}=${actionsOf(actions).join(',')}`)
    process.stdout.write(`${id}  ${createdAt}  ${granted.join('  ')}\n`)
  }
}

function remove(id: string): Action {
  return async ({ clients, revocationsAt, now }) => {
    // Before, as a client that is gone cannot be deleted again for its tokens; after, for those that it was given meanwhile.
    await revocationsAt(await now()).revokeClient(id)
    await clients.delete(id)
    const deletedAt = await now()
    await revocationsAt(deletedAt).revokeClient(id)
    // A token tells the second that it is of, no more: those of a client that is made anew under this id must be of a later one.
    while ((await now()) <= deletedAt) await sleep(systemClock, 200)
    process.stdout.write(`client ${id} is deleted, and its tokens are void\n`)
  }
}
