import type { Logger } from '../../lib/logger.ts'
import type { Authenticator, Caller } from './authenticator.ts'

/** Requests between two reminders in the log. */
const REMIND_EVERY = 100
const WARNING =
  'AUTHENTICATION IS OFF (--insecure-no-auth): whoever reaches this port may create, change and delete connectors'

/** Lets everybody do everything, and says so again and again. For a laptop. */
export function openAuthenticator(logger: Logger): Authenticator {
  let requests = 0
  const everybody: Caller = { subject: 'anonymous', allows: async () => true }
  logger.warn(WARNING)
  return {
    authenticate: async () => {
      if (++requests % REMIND_EVERY === 0) logger.warn({ requests }, WARNING)
      return everybody
    },
  }
}
