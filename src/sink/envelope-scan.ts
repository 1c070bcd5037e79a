import { ENVELOPE_SCAN_WASM } from './envelope-scan-wasm.ts'

/** The memory that envelope-scan.wat describes. */
const FIELDS_AT = 128
const FIELD_BYTES = 16
const MOST_FIELDS = 4
const KINDS_AT = 512
const NAMES_AT = 768
const VALUE_AT = 1024
const ZEROS_BEHIND = 16
const PAGE_BYTES = 65_536
/** Longer values are rare, and would keep their size in memory for good: JSON.parse can have them. */
const LONGEST_VALUE = 1024 * 1024

interface Exports {
  readonly memory: WebAssembly.Memory
  readonly fieldsEnd: WebAssembly.Global
  scan(at: number, end: number): number
}

const module = new WebAssembly.Module(Buffer.from(ENVELOPE_SCAN_WASM, 'base64'))

/**
 * Checks that a value is one JSON object and finds the texts of some of its own fields, not of what is nested in it. It
 * knows the grammar of JSON but leaves what is unusual (escapes where a field could be, deep nesting, anything that is
 * no object) to JSON.parse, so the two never disagree: docs/decisions/0006-envelope-scan.md.
 */
export class EnvelopeScan {
  /** Whether a line break stands between the tokens of the value that was scanned last. */
  hasLineBreak = false
  readonly #exports: Exports
  #memory: Buffer
  #results: Int32Array

  constructor(fields: readonly string[]) {
    if (fields.length > MOST_FIELDS) throw new Error(`${fields.length} fields are more than ${MOST_FIELDS}`)
    this.#exports = new WebAssembly.Instance(module).exports as unknown as Exports
    this.#exports.fieldsEnd.value = FIELDS_AT + fields.length * FIELD_BYTES
    this.#memory = Buffer.from(this.#exports.memory.buffer)
    this.#results = new Int32Array(this.#exports.memory.buffer)
    for (const byte of Buffer.from('"\\/bfnrt')) this.#memory[KINDS_AT + byte] = 1
    this.#memory[KINDS_AT + 'u'.charCodeAt(0)] = 2
    for (const byte of Buffer.from('0123456789abcdefABCDEF'))
      this.#memory[KINDS_AT + byte] = 4 | (this.#memory[KINDS_AT + byte] as number)
    let nameAt = NAMES_AT
    fields.forEach((name, field) => {
      const length = this.#memory.write(name, nameAt)
      this.#results.set([nameAt, length, 0, -1], (FIELDS_AT + field * FIELD_BYTES) / 4)
      nameAt += length
    })
  }

  /** True for a JSON object; false: JSON.parse must say what it is. */
  scan(bytes: Buffer, at: number, length: number): boolean {
    if (length > LONGEST_VALUE) return false
    const end = VALUE_AT + length
    if (end + ZEROS_BEHIND > this.#memory.length) this.#grow(end + ZEROS_BEHIND)
    bytes.copy(this.#memory, VALUE_AT, at, at + length)
    this.#memory.fill(0, end, end + ZEROS_BEHIND)
    const found = this.#exports.scan(VALUE_AT, end)
    this.hasLineBreak = found === 3
    return found !== 0
  }

  /** Bytes of a field's text in the value scanned last, -1 where the field is not there or no text. */
  lengthOf(field: number): number {
    return this.#results[(FIELDS_AT + field * FIELD_BYTES + 12) >> 2] as number
  }

  /** Where that text begins, counted from the beginning of the value. */
  atOf(field: number): number {
    return (this.#results[(FIELDS_AT + field * FIELD_BYTES + 8) >> 2] as number) - VALUE_AT
  }

  #grow(bytes: number): void {
    this.#exports.memory.grow(Math.ceil((bytes - this.#memory.length) / PAGE_BYTES))
    this.#memory = Buffer.from(this.#exports.memory.buffer)
    this.#results = new Int32Array(this.#exports.memory.buffer)
  }
}
