import type { Action } from '../admin/auth/authenticator.ts'
import { actionBits, isAction, type Permission } from '../admin/auth/permissions.ts'
import { FlagError } from './command.ts'

/**
 * A permission as the guide writes it, `ADMIN:ANALYTICS:CONNECTOR [CREATE,READ]`, or for shells `ADMIN:ANALYTICS:CONNECTOR=CREATE,READ`.
 * @throws FlagError
 */
export function parsePermission(flag: string, text: string): Permission {
  const [, resource = '', bracketed, plain] = /^([^\s=[\]]+)(?:\s*\[([A-Z,\s]+)\]|=([A-Z,]+))$/.exec(text) ?? []
  const actions = (bracketed ?? plain ?? '').split(',').map((action) => action.trim())
  const unknown = actions.filter((action) => !isAction(action))
  if (resource === '' || unknown.length > 0) {
    throw new FlagError(
      `${flag} must be a resource and its actions (CREATE, READ, UPDATE, DELETE), such as ADMIN:ANALYTICS:CONNECTOR=CREATE,READ; not "${text}"`,
    )
  }
  return { resource, actions: actionBits(actions as Action[]) }
}
