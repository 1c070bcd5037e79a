import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** Seconds; most answers take a few milliseconds. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export interface HttpMetrics {
  begun(): void
  /** @param route the route's pattern, so that there are as many series as routes, not as ids */
  ended(method: string, route: string, status: number, seconds: number): void
}

/** Rate, errors and duration of the requests. */
export function createHttpMetrics(registry: Registry): HttpMetrics {
  const registers = [registry]
  const requests = new Counter({
    name: 'analytics_connector_http_requests_total',
    help: 'Requests to the REST API by method, route and HTTP status; 499: the client had gone before the answer.',
    labelNames: ['method', 'route', 'status'],
    registers,
  })
  const durations = new Histogram({
    name: 'analytics_connector_http_request_duration_seconds',
    help: 'From a request’s head to the end of the answer.',
    labelNames: ['method', 'route'],
    buckets: SECONDS,
    registers,
  })
  const inFlight = new Gauge({
    name: 'analytics_connector_http_requests_in_flight',
    help: 'Requests that are being answered.',
    registers,
  })
  return {
    begun: () => inFlight.inc(),
    ended: (method, route, status, seconds) => {
      inFlight.dec()
      requests.inc({ method, route, status })
      durations.observe({ method, route }, seconds)
    },
  }
}
