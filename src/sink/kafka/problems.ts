/**
 * Everything that is wrong with Kafka just now, by what it concerns, told as one line. The most recent line of the first
 * concern in the order of occurrence is shown: what broke first is most often the cause of the rest.
 */
export class Problems {
  readonly #lines = new Map<string, string>()
  readonly #report: (line: string | null) => void
  #shown: string | null = null

  /** @param report called when the line changes; null: nothing is wrong any more */
  constructor(report: (line: string | null) => void) {
    this.#report = report
  }

  set(concern: string, line: string): void {
    this.#lines.set(concern, line)
    this.#show()
  }

  clear(concern: string): void {
    if (this.#lines.delete(concern)) this.#show()
  }

  /** Clears every concern whose name begins with `prefix`, except those in `keep`. */
  clearAll(prefix: string, keep: ReadonlySet<string> = new Set()): void {
    for (const concern of [...this.#lines.keys()])
      if (concern.startsWith(prefix) && !keep.has(concern)) this.#lines.delete(concern)
    this.#show()
  }

  #show(): void {
    const [first, ...others] = new Set(this.#lines.values())
    const line = first === undefined ? null : others.length === 0 ? first : `${first} (and ${others.length} more)`
    if (line === this.#shown) return
    this.#shown = line
    this.#report(line)
  }
}
