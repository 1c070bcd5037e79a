import { LINE_END } from '../byte-log.ts'

export interface GroupLimits {
  readonly bytes: number
  readonly rows: number
}

interface Cursor {
  chunk: number
  at: number
}

/**
 * Cuts a body of lines at line ends into pieces that end with the line that reaches a limit, each a copy of its own that
 * can be given to a thread. Where it cuts depends on the lines alone, not on the chunks they come in.
 */
export function* rowGroups(body: readonly Buffer[], limits: GroupLimits): Generator<Buffer<ArrayBuffer>> {
  const cursor = { chunk: 0, at: 0 }
  for (let length = groupLength(body, cursor, limits); length > 0; length = groupLength(body, cursor, limits))
    yield take(body, cursor, length)
}

function groupLength(body: readonly Buffer[], { chunk, at }: Cursor, limits: GroupLimits): number {
  let bytes = 0
  let rows = 0
  for (let index = chunk, from = at; index < body.length; index++, from = 0) {
    const lines = body[index] as Buffer
    for (let end = lines.indexOf(LINE_END, from); end !== -1; end = lines.indexOf(LINE_END, from)) {
      bytes += end + 1 - from
      from = end + 1
      if (bytes >= limits.bytes || ++rows >= limits.rows) return bytes
    }
    bytes += lines.length - from
  }
  return bytes
}

function take(body: readonly Buffer[], cursor: Cursor, length: number): Buffer<ArrayBuffer> {
  const group = Buffer.from(new ArrayBuffer(length))
  for (let filled = 0; filled < length; ) {
    const chunk = body[cursor.chunk] as Buffer
    const copied = chunk.copy(group, filled, cursor.at, cursor.at + length - filled)
    filled += copied
    cursor.at += copied
    if (cursor.at === chunk.length) {
      cursor.chunk++
      cursor.at = 0
    }
  }
  return group
}
