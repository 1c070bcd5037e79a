import type { SinkStatus } from '../contract/sink-status.ts'

const REDRAW_EVERY_MS = 500
const PRINT_EVERY_MS = 10_000
/** Carriage return, erase line (ECMA-48 EL). */
const LINE_START = '\r\x1b[2K'

/** As much of a terminal or file as progress needs. */
export interface ProgressOutput {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const count = new Intl.NumberFormat('en-US')

/** One line about a sink. */
export function progressLine(status: SinkStatus, recordsPerSecond: number): string {
  const { delivered, rejected, filtered } = status.records
  const parts = [
    status.error === null ? status.state : `${status.state}: ${status.error}`,
    `${count.format(delivered)} records`,
    `${(status.bytes / 1e6).toFixed(1)} MB`,
    `${count.format(status.objects)} objects`,
    `${count.format(Math.round(recordsPerSecond))} records/s`,
    status.lag === null ? 'lag unknown' : `lag ${count.format(status.lag)}`,
    ...(rejected > 0 ? [`${count.format(rejected)} rejected`] : []),
    ...(filtered > 0 ? [`${count.format(filtered)} filtered`] : []),
  ]
  return parts.join(' · ')
}

/**
 * Shows progress until the returned function is called: on a terminal one line that is redrawn, elsewhere a line every ten
 * seconds and at every change of state.
 */
export function showProgress(status: () => SinkStatus, output: ProgressOutput): () => void {
  let shown = { atMs: performance.now(), read: 0, text: '', state: '' }
  const show = (isLast: boolean) => {
    const now = status()
    const elapsedMs = performance.now() - shown.atMs
    const state = `${now.state} ${now.error}`
    const isDue = isLast || output.isTTY || elapsedMs >= PRINT_EVERY_MS || state !== shown.state
    if (!isDue) return
    const text = progressLine(now, ((now.records.read - shown.read) / Math.max(elapsedMs, 1)) * 1000)
    shown = { atMs: performance.now(), read: now.records.read, text, state }
    if (output.isTTY) output.write(`${LINE_START}${text.slice(0, (output.columns ?? 80) - 1)}${isLast ? '\n' : ''}`)
    else output.write(`${text}\n`)
  }
  const timer = setInterval(() => show(false), REDRAW_EVERY_MS)
  return () => {
    clearInterval(timer)
    show(true)
  }
}
