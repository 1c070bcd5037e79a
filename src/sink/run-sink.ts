import { type HttpRoutes, jsonAnswer, textAnswer } from '../lib/http-server.ts'
import { whenAborted } from '../lib/lifecycle.ts'
import { metricsAnswer } from '../lib/metrics.ts'
import { preflight } from './preflight.ts'
import type { Sink, SinkParts } from './sink.ts'

/**
 * Everything a sink process does, in order, until `shutdown` aborts: check what it needs, join the group, deliver, give
 * every partition up in good order within `drainTimeoutMs`.
 *
 * @throws what the source cannot recover from
 */
export async function runSink(sink: Sink, parts: SinkParts, shutdown: AbortSignal, drainTimeoutMs: number) {
  const { source, store, clock, logger } = parts
  const reportCheck = (concern: string, error: string | null) => {
    if (error !== null) logger.warn({ concern, error }, 'not ready to join the group, trying again')
    sink.health.problem(concern, error)
  }
  try {
    if (!(await preflight(sink.checks, clock, shutdown, reportCheck))) return
    await Promise.race([source.run(sink.listener), whenAborted(shutdown)])
    await drain(sink, parts, drainTimeoutMs)
  } finally {
    store.close()
  }
}

async function drain({ health }: Sink, { source, clock, logger }: SinkParts, drainTimeoutMs: number): Promise<void> {
  health.stopping()
  logger.info({ drainTimeoutMs }, 'draining')
  const deadline = new AbortController()
  const cancel = clock.after(drainTimeoutMs, () => deadline.abort())
  await source.stop(deadline.signal).finally(cancel)
  if (deadline.signal.aborted) logger.warn('the drain time ran out: the next owner finishes what was begun')
  else logger.info('drained')
}

/** What a sink process serves. `/readyz` tells whether events are being delivered, `/healthz` whether a restart would help. */
export function sinkRoutes(sink: Sink, { registry }: Pick<SinkParts, 'registry'>): HttpRoutes {
  return {
    '/status': () => jsonAnswer(sink.status()),
    '/metrics': () => metricsAnswer(registry),
    '/healthz': () =>
      sink.isAlive() ? textAnswer(200, 'ok') : textAnswer(503, 'records wait and none was read for minutes'),
    '/readyz': () => {
      const { state, error } = sink.health.state
      return sink.isActive() ? textAnswer(200, 'ok') : textAnswer(503, error ?? state)
    },
  }
}
