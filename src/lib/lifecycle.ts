import type { EventEmitter } from 'node:events'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const
/** A process that a signal ended has exit code 128 + the signal's number (POSIX shells). */
export const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

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

/**
 * Ends the process at SIGTERM and SIGINT as long as nobody else listens to them, such as while a command is loaded: the first process of a container
 * hears nothing that it does not listen to, and its pod would stay until it is killed.
 *
 * @param signals the process
 * @param exit ends the process with the code that it is given
 */
export function exitUntilHeard(signals: EventEmitter, exit: (code: number) => void): void {
  for (const signal of SIGNALS) {
    signals.on(signal, () => {
      if (signals.listenerCount(signal) === 1) exit(EXIT_CODES[signal])
    })
  }
}

/** Resolves when `signal` is aborted; at once if it is already. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
