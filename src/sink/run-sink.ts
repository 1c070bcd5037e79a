import { type Clock, sleep } from '../lib/clock.ts'
import { type HttpRoutes, jsonAnswer, textAnswer } from '../lib/http-server.ts'
import { whenAborted } from '../lib/lifecycle.ts'
import { metricsAnswer } from '../lib/metrics.ts'
import { preflight } from './preflight.ts'
import type { Sink, SinkParts } from './sink.ts'
import { StalledError } from './stall-watch.ts'

const PROGRESS_CHECK_MS = 5_000
const STALLED_STOP_MS = 5_000

/**
 * Everything a sink process does, in order, until `shutdown` aborts: check what it needs, join the group, deliver, give
 * every partition up in good order within `drainTimeoutMs`.
 *
 * @returns false where that time was too short, or something was in the way: the next owner finishes what was begun
 * @throws what the source cannot recover from; StalledError when it stands still
 */
export async function runSink(
  sink: Sink,
  parts: SinkParts,
  shutdown: AbortSignal,
  drainTimeoutMs: number,
): Promise<boolean> {
  const { source, store, clock, logger } = parts
  const reportCheck = (concern: string, error: string | null) => {
    if (error !== null) logger.warn({ concern, error }, 'not ready to join the group, trying again')
    sink.health.problem(concern, error)
  }
  try {
    if (!(await preflight(sink.checks, clock, shutdown, reportCheck))) return true
    const ending = new AbortController()
    try {
      await Promise.race([source.run(sink.listener), whenAborted(shutdown), watchProgress(sink, clock, ending.signal)])
    } catch (error) {
      // Leaving lets the others go on at once; a source that stands still may not even be able to.
      if (error instanceof StalledError) await source.stop(AbortSignal.timeout(STALLED_STOP_MS))
      throw error
    } finally {
      ending.abort()
    }
    return await drain(sink, parts, drainTimeoutMs)
  } finally {
    store.close()
  }
}

/** Rejects with StalledError when nothing moves any more; never resolves otherwise. */
async function watchProgress(sink: Sink, clock: Clock, ended: AbortSignal): Promise<never> {
  while (!ended.aborted) {
    await sleep(clock, PROGRESS_CHECK_MS, ended)
    sink.checkProgress()
  }
  return new Promise(() => {})
}

async function drain({ health }: Sink, { source, clock, logger }: SinkParts, drainTimeoutMs: number): Promise<boolean> {
  health.stopping()
  logger.info({ drainTimeoutMs }, 'draining')
  const deadline = new AbortController()
  const cancel = clock.after(drainTimeoutMs, () => deadline.abort())
  await source.stop(deadline.signal).finally(cancel)
  // The operator shows the last line of a pod that could not write everything.
  const why = { error: health.hindrance ?? undefined }
  if (deadline.signal.aborted) logger.warn(why, 'the drain time ran out, what was begun is left to the next owner')
  else if (health.isUnfinished)
    logger.warn(why, 'not everything that was promised is written, what is left is for the next owner')
  else logger.info('drained')
  return !deadline.signal.aborted && !health.isUnfinished
}

/**
 * What a sink process serves. `/readyz` tells whether events are being delivered, `/healthz` that the process
 * answers: one that stands still ends by itself.
 */
export function sinkRoutes(sink: Sink, { registry }: Pick<SinkParts, 'registry'>): HttpRoutes {
  return {
    '/status': () => jsonAnswer(sink.status()),
    '/metrics': () => metricsAnswer(registry),
    '/healthz': () => textAnswer(200, 'ok'),
    '/readyz': () => {
      const { state, error } = sink.health.state
      return sink.isActive() ? textAnswer(200, 'ok') : textAnswer(503, error ?? state)
    },
  }
}
