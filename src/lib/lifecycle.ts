import type { EventEmitter } from 'node:events'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const
/** A process that a signal ended has exit code 128 + the signal's number (POSIX shells). */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * Turns SIGTERM and SIGINT into an abort signal: the first one asks for a graceful end, a second one ends at once.
 *
 * @param signals the process
 * @param exit ends the process with the code that it is given
 */
export function abortOnSignals(signals: EventEmitter, exit: (code: number) => void): AbortSignal {
  const controller = new AbortController()
  for (const signal of SIGNALS) {
    signals.on(signal, () => {
      if (controller.signal.aborted) exit(EXIT_CODES[signal])
      else controller.abort(signal)
    })
  }
  return controller.signal
}

/** Resolves when `signal` is aborted; at once if it is already. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
