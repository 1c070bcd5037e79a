import { WASM_LAYOUT, wasmBytes } from '../wasm-memory.ts'

/** Memory for one answer, from when it begins to arrive until nobody reads it any more. */
export interface AnswerRange {
  readonly bytes: Buffer
  /** Set by the reader of the answer, and called before the memory is used for another. Null as long as the answer may not be moved. */
  moveOut: (() => void) | null
}

interface Taken extends AnswerRange {
  readonly at: number
}

/**
 * The part of WebAssembly's memory where answers land, for all connections. An answer is placed at the lowest address with room, so
 * that little memory is used when there is little to read, and what is used again is in the processor's cache. Where there is no room,
 * the readers that have had their answer longest move out.
 */
export class AnswerMemory {
  readonly #at: number
  readonly #end: number
  /** In the order of their addresses. */
  readonly #taken: Taken[] = []
  /** In the order in which they were taken. */
  readonly #oldest = new Set<Taken>()

  constructor(at: number = WASM_LAYOUT.answersAt, end: number = WASM_LAYOUT.answersEnd) {
    this.#at = at
    this.#end = end
  }

  /** Null where so many bytes cannot be had: other answers that are arriving are in the way. */
  take(length: number): AnswerRange | null {
    if (length > this.#end - this.#at) return null
    for (;;) {
      const range = this.#place(length)
      if (range !== null) return range
      const oldest = [...this.#oldest].find(({ moveOut }) => moveOut !== null)
      if (oldest === undefined) return null
      oldest.moveOut?.()
      this.give(oldest)
    }
  }

  /** Nobody reads it any more. May be told again. */
  give(range: AnswerRange): void {
    if (!this.#oldest.delete(range as Taken)) return
    this.#taken.splice(this.#taken.indexOf(range as Taken), 1)
  }

  #place(length: number): AnswerRange | null {
    let at = this.#at
    let index = 0
    for (const taken of this.#taken) {
      if (taken.at - at >= length) break
      at = taken.at + taken.bytes.length
      index++
    }
    if (at + length > this.#end) return null
    const range: Taken = { at, bytes: wasmBytes.subarray(at, at + length), moveOut: null }
    this.#taken.splice(index, 0, range)
    this.#oldest.add(range)
    return range
  }
}

/** That of this process. */
export const answerMemory = new AnswerMemory()
