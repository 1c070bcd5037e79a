import type { FastifyError, FastifyPluginAsync, FastifyRequest } from 'fastify'
import { KubeApiError } from '../../../kube/errors.ts'
import { describeError } from '../../../lib/errors.ts'
import type { Logger } from '../../../lib/logger.ts'
import type { FormRequest, Issuer } from './issuer.ts'
import { OAuthError } from './oauth-error.ts'

/** A form has a few hundred bytes, or a token. */
const MAX_FORM_BYTES = 24 << 10
/** Verifiers may keep keys and revocation list for so long; a key is published ten minutes before it signs. */
const KEEP_SECONDS = 60

/** The endpoints of the built-in issuer, as those of an IAM service that the guide and its SDKs use. */
export function issuerRoutes(issuer: Issuer, logger: Logger): FastifyPluginAsync {
  return async (server) => {
    server.removeAllContentTypeParsers()
    server.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: MAX_FORM_BYTES },
      async (_request: FastifyRequest, body: string) => new URLSearchParams(body),
    )
    server.setErrorHandler((error: FastifyError | OAuthError | KubeApiError, request, reply) => {
      const known = asOAuthError(error)
      if (known.cause !== undefined && known.status >= 500)
        logger.error({ requestId: request.id, error: describeError(error) }, 'the issuer failed')
      return reply
        .code(known.status)
        .headers({ ...known.headers, ...NO_STORE })
        .send(known.body)
    })

    server.post('/iam/v3/oauth/token', async (request, reply) => {
      // RFC 6749 §5.1
      reply.headers({ ...NO_STORE, pragma: 'no-cache' })
      return issuer.token(formRequest(request))
    })
    server.post('/iam/v3/oauth/revoke', async (request, reply) => {
      await issuer.revoke(formRequest(request))
      return reply.headers(NO_STORE).send({})
    })
    server.get('/iam/v3/oauth/jwks', async (_request, reply) => {
      return reply.header('cache-control', `max-age=${KEEP_SECONDS}`).send(await issuer.keys.keySet())
    })
    server.get('/iam/v3/oauth/revocationlist', async (_request, reply) => {
      // Text, as its words of 64 bits would lose their last digits on the way through a JavaScript number.
      return reply
        .type('application/json')
        .header('cache-control', 'no-cache')
        .send(await issuer.revocations.list())
    })
  }
}

const NO_STORE = { 'cache-control': 'no-store' }

function formRequest({ headers, body, ip }: FastifyRequest): FormRequest {
  if (!(body instanceof URLSearchParams)) {
    throw new OAuthError('invalid_request', 'send a form (Content-Type: application/x-www-form-urlencoded)')
  }
  return { authorization: headers.authorization, form: body, address: ip }
}

function asOAuthError(error: FastifyError | OAuthError | KubeApiError): OAuthError {
  if (error instanceof OAuthError) return error
  if (error instanceof KubeApiError) {
    return new OAuthError('temporarily_unavailable', 'the Kubernetes API server does not answer', { cause: error })
  }
  const status = error.statusCode ?? 500
  if (status >= 500) return new OAuthError('server_error', 'the server failed, its log says why', { cause: error })
  const description =
    status === 415 ? 'send a form (Content-Type: application/x-www-form-urlencoded)' : 'the request cannot be read'
  return new OAuthError('invalid_request', description, { status, cause: error })
}
