/** Hands out the addresses prefix.2 to prefix.254 in turn, so that a freed one is not given away again at once. */
export class PodAddresses {
  readonly #prefix: string
  readonly #taken = new Set<string>()
  #last = 1

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /**
   * @param wanted the address that the pod had before this agent started; kept when it is free and of this prefix
   * @throws Error when all are taken
   */
  take(wanted?: string): string {
    if (wanted?.startsWith(`${this.#prefix}.`) && !this.#taken.has(wanted)) return this.#mark(wanted)
    for (let tries = 0; tries < 253; tries += 1) {
      this.#last = this.#last === 254 ? 2 : this.#last + 1
      const address = `${this.#prefix}.${this.#last}`
      if (!this.#taken.has(address)) return this.#mark(address)
    }
    throw new Error(`no free pod address in ${this.#prefix}.0/24`)
  }

  free(address: string): void {
    this.#taken.delete(address)
  }

  #mark(address: string): string {
    this.#taken.add(address)
    return address
  }
}
