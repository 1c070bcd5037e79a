const KIB = 1024
const MIB = 1024 * KIB
const PAGE_BYTES = 64 * KIB

/** Where the parts of the memory begin. */
export const WASM_LAYOUT = {
  /** envelope-scan.wat: its tables, and values that lie elsewhere, up to 1 MiB each. */
  scanAt: 0,
  /** kafka/crc32c.wat: its tables, and bytes that lie elsewhere, up to 64 KiB at a time. */
  crcAt: MIB + 64 * KIB,
  /** kafka/answer-memory.ts: answers of Kafka. */
  answersAt: MIB + 256 * KIB,
  /** Behind the last answer: the scan looks a little further than a value's end. */
  answersEnd: 25 * MIB + 192 * KIB,
  end: 25 * MIB + 256 * KIB,
} as const

const pages = WASM_LAYOUT.end / PAGE_BYTES

/**
 * The one memory of all WebAssembly here. Answers of Kafka land in it, so batches are checked and events are scanned where
 * they lie: to copy them costs as much again. Its size is fixed, because growing would detach every view of it; pages that nobody
 * has written to take no memory.
 *
 * It belongs to the main thread, where each call into WebAssembly runs to its end before a socket writes or anybody reads.
 */
export const wasmMemory = new WebAssembly.Memory({ initial: pages, maximum: pages })

/** All of it. */
export const wasmBytes = Buffer.from(wasmMemory.buffer)

/** Where in the memory a buffer begins; -1 for one that lies elsewhere. */
export function addressOf(bytes: Buffer): number {
  return bytes.buffer === wasmMemory.buffer ? bytes.byteOffset : -1
}
