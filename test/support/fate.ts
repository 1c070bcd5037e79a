/** How long a process of a test lives, counted in its steps towards the outside: S3 calls and commits. */
export class Fate {
  #steps = 0
  readonly #diesAtStep: number
  readonly #takesEffect: boolean

  /** @param takesEffect whether the last step is carried out, and only its answer lost */
  constructor(diesAtStep = Infinity, takesEffect = false) {
    this.#diesAtStep = diesAtStep
    this.#takesEffect = takesEffect
  }

  get isDead(): boolean {
    return this.#steps >= this.#diesAtStep
  }

  /** Carries one step out; never settles once the process is dead. */
  async step<T>(effect: () => T): Promise<T> {
    const wasDead = this.isDead
    this.#steps++
    if (!this.isDead) return effect()
    if (!wasDead && this.#takesEffect) effect()
    return new Promise<T>(() => {})
  }
}
