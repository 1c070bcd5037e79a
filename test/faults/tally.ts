/** Counts what happened, by name. */
export class Tally {
  readonly #counts = new Map<string, number>()

  add(what: string, times = 1): void {
    this.#counts.set(what, this.of(what) + times)
  }

  of(what: string): number {
    return this.#counts.get(what) ?? 0
  }

  addAll(other: Tally): void {
    for (const [what, times] of other.entries) this.add(what, times)
  }

  get entries(): [string, number][] {
    return [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1))
  }
}

/** What the report counts beside the faults. */
export const KILL = 'kill -9 of a sink'
export const REPLAY = 'sets that a later owner finished'
export const ORPHANS = 'uploads in parts that were left, and aborted with their set'
