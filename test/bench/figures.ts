/** The value below which `share` of the values are (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/** `p50 / p99` in a unit that fits. */
export function spread(valuesMs: readonly number[]): string {
  return `${duration(percentile(valuesMs, 0.5))} / ${duration(percentile(valuesMs, 0.99))}`
}

export function duration(ms: number): string {
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}
