import * as z from 'zod'
import { putLast } from '../../lib/put-last.ts'
import type { AccessToken } from './access-token.ts'
import { IamServiceError } from './iam-service.ts'
import { type Permission, permissionList } from './permissions.ts'
import { Refreshed, type RefreshedOptions } from './refreshed.ts'

/** Roles that are remembered, those that were asked for last; an IAM service has dozens. */
const MAX_ROLES = 500
/** Most roles of one token that are looked up. */
const MAX_ROLES_OF_TOKEN = 50

/** A role without its permissions is none: somebody else's JSON, such as a gateway's, or a wrong path. */
const roleSchema = z.object({ permissions: permissionList })

export interface RolesOptions extends Omit<RefreshedOptions<readonly Permission[]>, 'load'> {
  /** GET of a path of the IAM service with a token of this service's own. */
  readonly get: (path: string) => Promise<string>
  /** Path of a role, with `{roleId}`; the answer's `permissions` are those of the role. */
  readonly path: string
}

/** What roles allow, looked up at the IAM service and remembered. */
export class Roles {
  readonly #options: RolesOptions
  readonly #known = new Map<string, Refreshed<readonly Permission[]>>()

  constructor(options: RolesOptions) {
    this.#options = options
  }

  /** The permissions of every role of a token, with `{namespace}` and `{userId}` filled in. @throws Error when one cannot be looked up */
  async permissionsOf({ roles, userId }: AccessToken): Promise<Permission[]> {
    const each = roles.slice(0, MAX_ROLES_OF_TOKEN).map(async ({ roleId, namespace }) => {
      const permissions = await this.#role(roleId).get()
      return permissions.map(({ resource, actions }) => ({ resource: filledIn(resource, namespace, userId), actions }))
    })
    return (await Promise.all(each)).flat()
  }

  #role(roleId: string): Refreshed<readonly Permission[]> {
    const role = this.#known.get(roleId) ?? new Refreshed({ ...this.#options, load: () => this.#load(roleId) })
    putLast(this.#known, roleId, role, MAX_ROLES)
    return role
  }

  async #load(roleId: string): Promise<readonly Permission[]> {
    try {
      const path = this.#options.path.replace('{roleId}', encodeURIComponent(roleId))
      return roleSchema.parse(JSON.parse(await this.#options.get(path))).permissions
    } catch (error) {
      // A role that was deleted allows nothing.
      if (error instanceof IamServiceError && error.status === 404) return []
      throw error
    }
  }
}

/** A value with a ":" in it would be several sections: then the placeholder stays, which matches nothing that is asked for. */
function filledIn(resource: string, namespace: string, userId = ''): string {
  return resource
    .split(':')
    .map((section) => {
      if (section === '{namespace}' && isOneSection(namespace)) return namespace
      return section === '{userId}' && isOneSection(userId) ? userId : section
    })
    .join(':')
}

function isOneSection(text: string): boolean {
  return text !== '' && !text.includes(':')
}
