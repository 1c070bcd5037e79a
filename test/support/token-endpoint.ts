import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** An authorization server for the client credentials grant; its tokens are not signed. */
export class TokenEndpoint {
  readonly url: string
  /** Forms that were posted. */
  readonly requests: string[] = []
  expiresInSeconds = 60
  /** Who is given tokens; null: nobody, as while it is down. */
  client: { readonly id: string; readonly secret: string } | null
  close: () => void

  private constructor(url: string, client: TokenEndpoint['client'], close: () => void) {
    this.url = url
    this.client = client
    this.close = close
  }

  /** @param certificates folder with server.key and server.crt */
  static async start(certificates: string, client: { id: string; secret: string }): Promise<TokenEndpoint> {
    const read = (name: string) => readFileSync(join(certificates, name))
    const server = createServer({ key: read('server.key'), cert: read('server.crt') }, (request, response) => {
      request.setEncoding('utf8')
      let form = ''
      request.on('data', (chunk: string) => {
        form += chunk
      })
      request.on('end', () => {
        endpoint.requests.push(form)
        const isKnown = request.headers.authorization === basicAuthorization(endpoint.client)
        response.writeHead(isKnown ? 200 : endpoint.client ? 401 : 503, { 'content-type': 'application/json' })
        const token = unsigned({ sub: endpoint.client?.id ?? '', exp: Date.now() / 1000 + endpoint.expiresInSeconds })
        response.end(
          JSON.stringify(
            isKnown ? { access_token: token, expires_in: endpoint.expiresInSeconds } : { error: 'invalid_client' },
          ),
        )
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const endpoint = new TokenEndpoint(`https://127.0.0.1:${port}/token`, client, () => server.close())
    return endpoint
  }
}

function basicAuthorization(client: TokenEndpoint['client']): string | null {
  return client && `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`
}

function unsigned(claims: Record<string, string | number>): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none' })}.${part({ iat: Date.now() / 1000, ...claims })}.`
}
