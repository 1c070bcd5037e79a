import { Counter, type Registry } from 'prom-client'

/** Counters of requests to the API server, made before the client that counts on them. Source of names and labels: client-go. */
export function requestCounter(registry: Registry, host: string): (method: string, code: string) => void {
  const requests = new Counter({
    name: 'rest_client_requests_total',
    help: 'Requests to the API server by method and HTTP status.',
    labelNames: ['method', 'code', 'host'],
    registers: [registry],
  })
  return (method, code) => requests.inc({ method, code, host })
}
