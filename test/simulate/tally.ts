/** How often what happened, so that a report can show that what is to be proven has occurred. */
export class Tally {
  readonly #counts = new Map<string, number>()

  add(what: string, times = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + times)
  }

  addAll(counts: Counts): void {
    for (const [what, times] of Object.entries(counts)) this.add(what, times)
  }

  get counts(): Counts {
    return Object.fromEntries(this.#counts)
  }
}

export type Counts = Readonly<Record<string, number>>
