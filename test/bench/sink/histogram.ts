/** A histogram of Prometheus's text format: upper bounds in ascending order, and how many values lie at or below each. */
export type Histogram = readonly { readonly upTo: number; readonly count: number }[]

/** @param name without `_bucket`; must have no labels of its own */
export function histogramIn(metrics: string, name: string): Histogram {
  const line = new RegExp(`^${name}_bucket\\{(?:[^}]*,)?le="([^"]+)"[^}]*\\} (\\d+)$`, 'gm')
  return [...metrics.matchAll(line)].map(([, upTo, count]) => ({
    upTo: upTo === '+Inf' ? Number.POSITIVE_INFINITY : Number(upTo),
    count: Number(count),
  }))
}

/** The bound below which `share` of the values are: what a histogram can say. Null without values. */
export function quantileBound(histogram: Histogram, share: number): number | null {
  const total = histogram.at(-1)?.count ?? 0
  return total === 0 ? null : (histogram.find(({ count }) => count >= share * total)?.upTo ?? null)
}
