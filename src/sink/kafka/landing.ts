import { type AnswerMemory, type AnswerRange, answerMemory } from './answer-memory.ts'

/** Answers up to here, and the beginnings of others, arrive here first. */
const HEAD_BYTES = 16 * 1024
/** An answer begins with the length of the rest, as int32. */
const LENGTH_BYTES = 4

/**
 * Where the answers of one connection arrive: the socket reads into memory that is used again for other answers, so
 * that megabytes a second are neither allocated nor joined. It is for connections with one request at a time; others work,
 * with a copy of each answer.
 *
 * An answer too large for the head is only lent, until the next such answer begins to arrive; a reader that wants it longer says so (`keep`).
 */
export class Landing {
  readonly #onAnswer: (answer: Buffer) => void
  readonly #memory: AnswerMemory
  readonly #head = Buffer.allocUnsafeSlow(HEAD_BYTES)
  #headFilled = 0
  /** The answer that is arriving and too large for the head: as long as it will be. */
  #answer: Buffer | null = null
  #answerFilled = 0
  /** Of the answer that is arriving, or has arrived and was not kept; null where that has memory of its own. */
  #range: AnswerRange | null = null

  /** @param onAnswer hears of each whole answer, with its length at the front */
  constructor(onAnswer: (answer: Buffer) => void, memory: AnswerMemory = answerMemory) {
    this.#onAnswer = onAnswer
    this.#memory = memory
  }

  /**
   * Keeps the memory of the answer that has arrived last. `moveOut` is called once if it is needed for another answer before it was
   * given back.
   *
   * @returns gives the memory back
   */
  keep(moveOut: () => void): () => void {
    const range = this.#answer === null ? this.#range : null
    if (range === null) return () => {}
    this.#range = null
    range.moveOut = moveOut
    return () => this.#memory.give(range)
  }

  /** Nothing arrives any more. An answer that just has can still be kept. */
  close(): void {
    if (this.#answer !== null) this.#giveBack()
    else if (this.#range !== null) this.#range.moveOut = () => {}
    this.#answer = null
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
    this.#giveBack()
    this.#range = this.#memory.take(length)
    // One record batch can be larger than all of the memory.
    this.#answer = this.#range?.bytes ?? Buffer.allocUnsafeSlow(length)
    this.#answerFilled = this.#head.copy(this.#answer, 0, at, this.#headFilled)
    this.#headFilled = 0
  }

  #giveBack(): void {
    if (this.#range !== null) this.#memory.give(this.#range)
    this.#range = null
  }

  #whole(answer: Buffer): void {
    this.#answer = null
    this.#onAnswer(answer)
  }
}
