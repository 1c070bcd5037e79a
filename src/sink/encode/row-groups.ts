const LINE_END = 0x0a

/**
 * Cuts a body of lines at line ends into pieces of about `groupBytes`, each a copy of its own that can be given to a
 * thread. Where it cuts depends on the body alone, not on how that is cut into chunks.
 */
export function* rowGroups(body: readonly Buffer[], groupBytes: number): Generator<Buffer<ArrayBuffer>> {
  let left = body.reduce((sum, chunk) => sum + chunk.length, 0)
  const cursor = { chunk: 0, at: 0 }
  while (left > 0) {
    const length = groupLength(body, cursor, Math.min(groupBytes, left))
    yield take(body, cursor, length)
    left -= length
  }
}

interface Cursor {
  chunk: number
  at: number
}

/** Up to the first line end at or after `atLeast` bytes. */
function groupLength(body: readonly Buffer[], { chunk, at }: Cursor, atLeast: number): number {
  let before = 0
  for (let index = chunk, from = at; index < body.length; index++, from = 0) {
    const bytes = body[index] as Buffer
    const found = bytes.indexOf(LINE_END, from + Math.max(0, atLeast - before - 1))
    if (atLeast - before <= bytes.length - from && found !== -1) return before + found + 1 - from
    before += bytes.length - from
  }
  return before
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
