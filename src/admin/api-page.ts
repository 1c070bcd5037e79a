import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'

const BASE = '/analytics-connector/apidocs'
const PIECE_BYTES = 16_384

/**
 * Swagger UI's own files, as @fastify/swagger-ui ships them: swagger-ui-dist would bring a package that reports installs.
 * Its plugin is not used, as the page's address and the document's are given.
 */
const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
}

const PAGE = `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Analytics Connector API</title>
    <link rel="stylesheet" href="swagger-ui.css">
    <link rel="icon" type="image/png" href="favicon-32x32.png">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="swagger-ui-bundle.js"></script>
    <script src="start.js"></script>
  </body>
</html>
`

/** The token stays in the page's memory: a reload forgets it. No validator: the page asks nobody but this server. */
const START = `window.ui = SwaggerUIBundle({
  url: 'api.json',
  dom_id: '#swagger-ui',
  presets: [SwaggerUIBundle.presets.apis],
  layout: 'BaseLayout',
  docExpansion: 'list',
  displayRequestDuration: true,
  persistAuthorization: false,
  validatorUrl: null,
})
`

/** Swagger UI sets styles of its own; scripts, requests and frames are this server's only. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The OpenAPI document and a page that shows it, takes a token and tries calls. Everything comes from this server. */
export function registerApiPage(app: FastifyInstance, document: object): void {
  const dir = join(dirname(createRequire(import.meta.url).resolve('@fastify/swagger-ui')), 'static')
  const serve = (path: string, type: string, content: Buffer) => {
    app.get(`${BASE}${path}`, async (_request, reply) =>
      reply
        .headers({ 'content-security-policy': POLICY, 'referrer-policy': 'no-referrer' })
        .header('content-length', content.length)
        .type(type)
        .send(inPieces(content)),
    )
  }
  serve('/api.json', 'application/json; charset=utf-8', Buffer.from(JSON.stringify(document)))
  serve('/', 'text/html; charset=utf-8', Buffer.from(PAGE))
  serve('/start.js', 'text/javascript; charset=utf-8', Buffer.from(START))
  for (const [name, type] of Object.entries(ASSETS)) serve(`/${name}`, type, readFileSync(join(dir, name)))
  app.get(BASE, async (_request, reply) => reply.redirect(`${BASE}/`, 308))
}

/**
 * Hands out the content only as fast as the client takes it. Nobody needs a token for this page, so clients that take nothing could use up
 * all memory, were there a copy for each request, or all of it encrypted for each connection.
 */
function inPieces(content: Buffer): Readable {
  const pieces = Array.from({ length: Math.ceil(content.length / PIECE_BYTES) }, (_, i) =>
    content.subarray(i * PIECE_BYTES, (i + 1) * PIECE_BYTES),
  )
  return Readable.from(pieces, { highWaterMark: 1 })
}
