import { createHash } from 'node:crypto'
import { API_GROUP, PLURAL } from '../../contract/names.ts'
import type { KubeApi } from '../../kube/api.ts'
import { type Kind, SUBJECT_ACCESS_REVIEWS, type SubjectAccessReview, TOKEN_REVIEWS } from '../../kube/kinds.ts'
import type { Clock } from '../../lib/clock.ts'
import { defined } from '../../lib/defined.ts'
import { putLast } from '../../lib/put-last.ts'
import { ApiError } from '../api-error.ts'
import type { Action, Authenticator, Caller } from './authenticator.ts'
import { bearerToken, unauthorized } from './bearer.ts'

/** The API server's answers are used for so long, as its own webhook authorizer does with a refusal. */
const REMEMBERED_MS = 10_000
const MAX_REMEMBERED = 2_000

/** Not a kind: a word for RBAC rules, with the game namespace as resourceName. */
const GAME_NAMESPACES = 'gamenamespaces'
const VERBS: Readonly<Record<Action, string>> = { CREATE: 'create', READ: 'get', UPDATE: 'update', DELETE: 'delete' }
const ALL_CONNECTORS = 'ADMIN:ANALYTICS:CONNECTOR'
const ONE_NAMESPACE = /^ADMIN:NAMESPACE:([^:]+):ANALYTICS:CONNECTOR$/

export interface KubernetesAuthenticatorOptions {
  readonly api: Pick<KubeApi, 'create'>
  readonly audiences?: readonly string[]
  readonly clock: Pick<Clock, 'elapsed'>
}

type ResourceAttributes = NonNullable<SubjectAccessReview['spec']['resourceAttributes']>
interface User {
  readonly username: string
  readonly spec: Omit<SubjectAccessReview['spec'], 'resourceAttributes'>
}

/**
 * Callers inside the cluster, with the token of their service account: the API server says who it is (TokenReview) and what
 * RBAC allows (SubjectAccessReview).
 *
 * `ADMIN:ANALYTICS:CONNECTOR` asks for get, create, update or delete on analyticsconnectors, in all namespaces, as the API reaches all of
 * them; `ADMIN:NAMESPACE:{n}:ANALYTICS:CONNECTOR`, a game namespace that Kubernetes does not know, for the same verbs on
 * `gamenamespaces` with the resource name {n}.
 */
export class KubernetesAuthenticator implements Authenticator {
  readonly #options: KubernetesAuthenticatorOptions
  readonly #users: Remembered<User | undefined>
  readonly #answers: Remembered<boolean>

  constructor(options: KubernetesAuthenticatorOptions) {
    this.#options = options
    this.#users = new Remembered(options.clock)
    this.#answers = new Remembered(options.clock)
  }

  async authenticate(authorization: string | undefined): Promise<Caller> {
    const token = bearerToken(authorization)
    // The token itself is never kept.
    const key = createHash('sha256').update(token).digest('base64')
    const user = await this.#users.of(key, () => this.#review(token))
    if (user === undefined) throw unauthorized('the token is not one of this cluster, or has expired')
    return { subject: user.username, allows: (resource, action) => this.#allows(user, resource, action) }
  }

  async #review(token: string): Promise<User | undefined> {
    const { audiences } = this.#options
    const spec = { token, ...(audiences === undefined ? {} : { audiences: [...audiences] }) }
    const { status } = await this.#ask(TOKEN_REVIEWS, { spec })
    const { username = '', uid, groups, extra } = status?.user ?? {}
    if (status?.authenticated !== true || username === '') return undefined
    // A server that knows nothing of audiences answers without them, and must not be believed (KEP-1205).
    if (audiences !== undefined && !status.audiences?.some((each) => audiences.includes(each))) return undefined
    return { username, spec: { user: username, ...defined({ uid, groups, extra }) } }
  }

  #allows(user: User, resource: string, action: Action): Promise<boolean> {
    const attributes = attributesOf(resource, VERBS[action])
    if (attributes === undefined) return Promise.resolve(false)
    const spec = { ...user.spec, resourceAttributes: attributes }
    return this.#answers.of(JSON.stringify(spec), async () => {
      const { status } = await this.#ask(SUBJECT_ACCESS_REVIEWS, { spec })
      return status?.allowed === true && status.denied !== true
    })
  }

  async #ask<T extends object>(kind: Kind<T>, review: T): Promise<T> {
    try {
      return await this.#options.api.create(kind, review)
    } catch (cause) {
      throw new ApiError('unavailable', 'the Kubernetes API server cannot be asked at the moment', { cause })
    }
  }
}

/** Without a namespace: only a ClusterRoleBinding grants it. */
function attributesOf(resource: string, verb: string): ResourceAttributes | undefined {
  if (resource === ALL_CONNECTORS) return { group: API_GROUP, resource: PLURAL, verb }
  const name = ONE_NAMESPACE.exec(resource)?.[1]
  return name === undefined ? undefined : { group: API_GROUP, resource: GAME_NAMESPACES, name, verb }
}

/** Answers by question, for ten seconds; a failure is asked again. */
class Remembered<T> {
  readonly #clock: Pick<Clock, 'elapsed'>
  readonly #answers = new Map<string, { readonly answer: Promise<T>; readonly untilMs: number }>()

  constructor(clock: Pick<Clock, 'elapsed'>) {
    this.#clock = clock
  }

  of(question: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#answers.get(question)
    if (known !== undefined && this.#clock.elapsed() < known.untilMs) return known.answer
    const answer = ask()
    putLast(this.#answers, question, { answer, untilMs: this.#clock.elapsed() + REMEMBERED_MS }, MAX_REMEMBERED)
    answer.catch(() => this.#answers.delete(question))
    return answer
  }
}
