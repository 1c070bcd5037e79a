import { addressOf, WASM_LAYOUT, wasmBytes, wasmMemory } from '../wasm-memory.ts'
import { CRC32C_WASM } from './crc32c-wasm.ts'

/** What crc32c.wat describes. */
const TABLES = 16
const TABLE_ENTRIES = 256
const TABLES_AT = WASM_LAYOUT.crcAt
const BYTES_AT = TABLES_AT + 64 * 1024
/** So many bytes that lie elsewhere are copied at a time: what was just copied is read from the processor's cache. */
const PIECE_BYTES = 64 * 1024

/** Castagnoli's polynomial, bits reversed. */
const POLYNOMIAL = 0x82f63b78

interface Exports {
  update(crc: number, at: number, end: number): number
}

const module = new WebAssembly.Module(Buffer.from(CRC32C_WASM, 'base64'))
const { update } = new WebAssembly.Instance(module, { sink: { memory: wasmMemory } }).exports as unknown as Exports
fillTables(new Uint32Array(wasmMemory.buffer, TABLES_AT, TABLES * TABLE_ENTRIES))

/**
 * CRC-32C (RFC 3720, appendix B.4) of the bytes from `start` to `end`. Node computes only the other CRC-32; this takes 0.1 µs
 * for a KiB of a large batch, a sixth of what the tables alone do and packages offer without native code.
 */
export function crc32c(bytes: Buffer, start: number, end: number): number {
  const address = addressOf(bytes)
  if (address >= 0) return ~update(-1, address + start, address + end) >>> 0
  let crc = -1
  for (let at = start; at < end; at += PIECE_BYTES) {
    const copied = bytes.copy(wasmBytes, BYTES_AT, at, Math.min(at + PIECE_BYTES, end))
    crc = update(crc, BYTES_AT, BYTES_AT + copied)
  }
  return ~crc >>> 0
}

function fillTables(tables: Uint32Array): void {
  for (let byte = 0; byte < TABLE_ENTRIES; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    tables[byte] = crc
  }
  for (let entry = TABLE_ENTRIES; entry < tables.length; entry++) {
    const before = tables[entry - TABLE_ENTRIES] as number
    tables[entry] = (before >>> 8) ^ (tables[before & 0xff] as number)
  }
}
