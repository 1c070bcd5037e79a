import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { PROGRAM } from '../repository.ts'
import type { Stack } from '../stack/stack.ts'
import { OPERATOR_NAMESPACE } from './install-operator.ts'

const API = '/analytics-connector/v1/admin'

export interface OAuthClient {
  readonly id: string
  readonly secret: string
}

/** `analytics-connector clients create`, as a person types it. */
export async function createClient(stack: Stack, ...permissions: string[]): Promise<OAuthClient> {
  const flags = ['-n', OPERATOR_NAMESPACE, '--kubeconfig', stack.kubeconfigPath]
  const args = [PROGRAM, 'clients', 'create', ...flags, ...permissions.flatMap((each) => ['--permission', each])]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const [, id = '', secret = ''] = /^client_id: (\S+)\nclient_secret: (\S+)\n$/.exec(stdout) ?? []
  return { id, secret }
}

/** The REST API as one of its clients uses it. */
export class RestClient {
  readonly #url: string
  readonly #token: string

  constructor(url: string, token: string) {
    this.#url = url
    this.#token = token
  }

  /** With a new token for the client. */
  static async signIn(url: string, { id, secret }: OAuthClient): Promise<RestClient> {
    const answer = await fetch(`${url}/iam/v3/oauth/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    })
    const { access_token = '', error_description } = (await answer.json()) as Record<string, string>
    if (!answer.ok) throw new Error(`no token: ${error_description}`)
    return new RestClient(url, access_token)
  }

  /** @throws Error with the API's own words */
  async call<T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<T> {
    const answer = await fetch(this.#url + API + path, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const reply = (await answer.json()) as T & { errorMessage?: string }
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${reply.errorMessage}`)
    return reply
  }
}
