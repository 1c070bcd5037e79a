import { ENVELOPE_SCAN_WASM } from './envelope-scan-wasm.ts'
import { addressOf, WASM_LAYOUT, wasmBytes, wasmMemory } from './wasm-memory.ts'

/** What envelope-scan.wat describes. */
const FIELDS_AT = WASM_LAYOUT.scanAt + 128
const FIELD_BYTES = 16
const MOST_FIELDS = 4
const KINDS_AT = WASM_LAYOUT.scanAt + 512
const NAMES_AT = WASM_LAYOUT.scanAt + 768
const VALUE_AT = WASM_LAYOUT.scanAt + 1024
const ZEROS_BEHIND = 16
/** Longer values are rare, and would keep their size in memory for good: envelope.ts reads them without. */
const LONGEST_VALUE = 1024 * 1024

interface Exports {
  readonly fieldsEnd: WebAssembly.Global
  scan(at: number, end: number): number
  scanInPlace(at: number, end: number): number
}

const module = new WebAssembly.Module(Buffer.from(ENVELOPE_SCAN_WASM, 'base64'))
const { fieldsEnd, scan, scanInPlace } = new WebAssembly.Instance(module, { sink: { memory: wasmMemory } })
  .exports as unknown as Exports
const results = new Int32Array(wasmMemory.buffer)
for (const byte of Buffer.from('"\\/bfnrt')) wasmBytes[KINDS_AT + byte] = 1
wasmBytes[KINDS_AT + 'u'.charCodeAt(0)] = 2
for (const byte of Buffer.from('0123456789abcdefABCDEF'))
  wasmBytes[KINDS_AT + byte] = 4 | (wasmBytes[KINDS_AT + byte] as number)

/** Whose fields are in the memory. */
let inUse: EnvelopeScan | null = null

/**
 * The buffer that the value before was in, as to ask where it begins takes longer than to remember it. Of all scans, as each would
 * keep one.
 */
let lastBytes: Buffer = wasmBytes
let lastBytesAt = 0

/**
 * Checks that a value is one JSON object and finds the texts of some of its own fields, not of what is nested in it. It
 * knows the grammar of JSON but leaves what is unusual (escapes where a field could be, deep nesting, anything that is
 * no object) to JSON.parse, so the two never disagree: docs/decisions/0006-envelope-scan.md.
 *
 * What it says of a value holds until any of them scans the next.
 */
export class EnvelopeScan {
  /** Whether a line break stands between the tokens of the value that was scanned last. */
  hasLineBreak = false
  readonly #fields: readonly string[]
  /** Where the value that was scanned last lies in the memory. */
  #address = VALUE_AT

  constructor(fields: readonly string[]) {
    if (fields.length > MOST_FIELDS) throw new Error(`${fields.length} fields are more than ${MOST_FIELDS}`)
    this.#fields = fields
  }

  /** True for a JSON object; false: JSON.parse must say what it is. */
  scan(bytes: Buffer, at: number, length: number): boolean {
    if (length > LONGEST_VALUE) return false
    if (inUse !== this) this.#use()
    const found = this.#scan(bytes, at, length)
    this.hasLineBreak = found === 3
    return found !== 0
  }

  /** Bytes of a field's text in the value scanned last, -1 where the field is not there or no text. */
  lengthOf(field: number): number {
    return results[(FIELDS_AT + field * FIELD_BYTES + 12) >> 2] as number
  }

  /** Where that text begins, counted from the beginning of the value. */
  atOf(field: number): number {
    return (results[(FIELDS_AT + field * FIELD_BYTES + 8) >> 2] as number) - this.#address
  }

  #scan(bytes: Buffer, at: number, length: number): number {
    if (bytes !== lastBytes) {
      lastBytes = bytes
      lastBytesAt = addressOf(bytes)
    }
    if (lastBytesAt >= 0) {
      this.#address = lastBytesAt + at
      return scanInPlace(this.#address, this.#address + length)
    }
    const end = VALUE_AT + length
    bytes.copy(wasmBytes, VALUE_AT, at, at + length)
    wasmBytes.fill(0, end, end + ZEROS_BEHIND)
    this.#address = VALUE_AT
    return scan(VALUE_AT, end)
  }

  #use(): void {
    inUse = this
    fieldsEnd.value = FIELDS_AT + this.#fields.length * FIELD_BYTES
    let nameAt = NAMES_AT
    this.#fields.forEach((name, field) => {
      const length = wasmBytes.write(name, nameAt)
      results.set([nameAt, length, 0, -1], (FIELDS_AT + field * FIELD_BYTES) / 4)
      nameAt += length
    })
  }
}
