import { type Logger, pino, stdTimeFunctions } from 'pino'

export type { Logger }

/** JSON lines on stdout, RFC 3339 times, level names in words. Levels by consequence: warn = unexpected, nothing lost; error = lost, or a person must act. */
export function createLogger(level: string, bindings: Record<string, unknown> = {}): Logger {
  return pino({
    level,
    base: bindings,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  })
}
