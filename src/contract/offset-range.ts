/** Offsets of one partition, `to` exclusive. */
export interface OffsetRange {
  readonly from: bigint
  readonly to: bigint
}

export function overlaps(a: OffsetRange, b: OffsetRange): boolean {
  return a.from < b.to && b.from < a.to
}

/** The least range that holds both. */
export function unionOf(a: OffsetRange, b: OffsetRange): OffsetRange {
  return { from: a.from < b.from ? a.from : b.from, to: a.to > b.to ? a.to : b.to }
}

export function lengthOf({ from, to }: OffsetRange): number {
  return Number(to - from)
}
