type Part = readonly [16 | 32 | 64, number | bigint] | string | Buffer | null

/** As the Kafka protocol writes them: integers of 16, 32 or 64 bits, strings with their length before, bytes as they are. */
export function bytes(...parts: Part[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (Buffer.isBuffer(part)) return part
      if (part === null) return bytes([16, -1])
      if (typeof part === 'string') return bytes([16, Buffer.byteLength(part)], Buffer.from(part))
      const [bits, value] = part
      const buffer = Buffer.alloc(bits / 8)
      if (bits === 64) buffer.writeBigInt64BE(BigInt(value))
      else buffer.writeIntBE(Number(value), 0, bits / 8)
      return buffer
    }),
  )
}

/** An array with its length before. */
export function list<T>(items: readonly T[], encode: (item: T) => Buffer): Buffer {
  return bytes([32, items.length], ...items.map(encode))
}

/** Bytes with their length before. */
export function block(data: Buffer): Buffer {
  return bytes([32, data.length], data)
}

/** Reads what `bytes`, `list` and `block` write. */
export class WireReader {
  readonly #buffer: Buffer
  #at = 0

  constructor(buffer: Buffer) {
    this.#buffer = buffer
  }

  int8(): number {
    this.#at += 1
    return this.#buffer.readInt8(this.#at - 1)
  }

  int16(): number {
    this.#at += 2
    return this.#buffer.readInt16BE(this.#at - 2)
  }

  int32(): number {
    this.#at += 4
    return this.#buffer.readInt32BE(this.#at - 4)
  }

  int64(): bigint {
    this.#at += 8
    return this.#buffer.readBigInt64BE(this.#at - 8)
  }

  string(): string {
    return this.#take(this.int16()).toString()
  }

  block(): Buffer {
    return this.#take(this.int32())
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(this.int32(), 0) }, read)
  }

  #take(length: number): Buffer {
    const start = this.#at
    this.#at += Math.max(length, 0)
    return this.#buffer.subarray(start, this.#at)
  }
}
