/** Answers up to here, and the beginnings of others, arrive here first. */
const HEAD_BYTES = 16 * 1024
/** Larger answers (one record batch can be that large) get memory of their own, which is given up with them. */
const LARGEST_KEPT_BYTES = 16 * 1024 * 1024
/** An answer begins with the length of the rest, as int32. */
const LENGTH_BYTES = 4

/**
 * Where the answers of one connection arrive: the socket reads into memory that is used again for the next answer, so
 * that megabytes a second are neither allocated nor joined. It is for connections with one request at a time; others work,
 * with a copy of each answer.
 *
 * A whole answer of some size is lent until the next one of some size begins to arrive.
 */
export class Landing {
  readonly #onAnswer: (answer: Buffer) => void
  readonly #head = Buffer.allocUnsafeSlow(HEAD_BYTES)
  #headFilled = 0
  #memory = Buffer.alloc(0)
  /** The answer that is arriving and too large for the head: as long as it will be. */
  #answer: Buffer | null = null
  #answerFilled = 0
  #beforeReuse: (() => void)[] = []

  /** @param onAnswer hears of each whole answer, with its length at the front */
  constructor(onAnswer: (answer: Buffer) => void) {
    this.#onAnswer = onAnswer
  }

  /** Calls `moveOut` once, before the memory of the last answer is used for another. */
  beforeReuse(moveOut: () => void): void {
    this.#beforeReuse.push(moveOut)
  }

  /** Where the socket is to put the next bytes; `arrived` is called before this is called again. */
  room(): Buffer {
    return this.#answer ? this.#answer.subarray(this.#answerFilled) : this.#head.subarray(this.#headFilled)
  }

  /** So many bytes are in what `room` gave last. */
  arrived(bytes: number): void {
    if (this.#answer === null) {
      this.#headFilled += bytes
      this.#takeHead()
      return
    }
    this.#answerFilled += bytes
    if (this.#answerFilled === this.#answer.length) this.#whole(this.#answer)
  }

  /** Gives out the small answers that are in the head, and begins a large one. */
  #takeHead(): void {
    let at = 0
    while (this.#headFilled - at >= LENGTH_BYTES) {
      const length = LENGTH_BYTES + this.#head.readInt32BE(at)
      if (length > HEAD_BYTES) {
        this.#beginAnswer(at, length)
        return
      }
      if (length > this.#headFilled - at) break
      this.#onAnswer(Buffer.from(this.#head.subarray(at, at + length)))
      at += length
    }
    this.#head.copyWithin(0, at, this.#headFilled)
    this.#headFilled -= at
  }

  #beginAnswer(at: number, length: number): void {
    this.#answer = this.#memoryFor(length)
    this.#answerFilled = this.#head.copy(this.#answer, 0, at, this.#headFilled)
    this.#headFilled = 0
  }

  #memoryFor(length: number): Buffer {
    if (length > LARGEST_KEPT_BYTES) return Buffer.allocUnsafeSlow(length)
    const movingOut = this.#beforeReuse
    this.#beforeReuse = []
    for (const moveOut of movingOut) moveOut()
    if (length > this.#memory.length) this.#memory = Buffer.allocUnsafeSlow(length)
    return this.#memory.subarray(0, length)
  }

  #whole(answer: Buffer): void {
    this.#answer = null
    this.#onAnswer(answer)
  }
}
