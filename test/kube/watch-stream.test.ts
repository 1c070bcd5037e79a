import { describe, expect, it } from 'vitest'
import { parseWatchStream } from '../../src/kube/watch-stream.ts'

const line = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`

async function parse(...chunks: Uint8Array[]) {
  const events: unknown[] = []
  for await (const event of parseWatchStream(
    (async function* () {
      yield* chunks
    })(),
    '/pods',
  )) {
    events.push(event)
  }
  return events
}

describe('parseWatchStream', () => {
  it('reads events wherever the chunks are cut, also inside a character', async () => {
    const text = Buffer.from(
      line('ADDED', { metadata: { name: 'grün' } }) + line('DELETED', { metadata: { name: 'b' } }),
    )
    const expected = [
      { type: 'ADDED', object: { metadata: { name: 'grün' } } },
      { type: 'DELETED', object: { metadata: { name: 'b' } } },
    ]
    for (let at = 0; at <= text.length; at++) {
      expect(await parse(text.subarray(0, at), text.subarray(at))).toEqual(expected)
    }
  })

  it('tells the bookmark that ends the initial events from others', async () => {
    const end = { metadata: { resourceVersion: '7', annotations: { 'k8s.io/initial-events-end': 'true' } } }
    expect(
      await parse(Buffer.from(line('BOOKMARK', end) + line('BOOKMARK', { metadata: { resourceVersion: '9' } }))),
    ).toEqual([
      { type: 'BOOKMARK', resourceVersion: '7', endsInitialEvents: true },
      { type: 'BOOKMARK', resourceVersion: '9', endsInitialEvents: false },
    ])
  })

  it('throws the status of an ERROR event', async () => {
    const gone = line('ERROR', { code: 410, reason: 'Expired', message: 'too old resource version' })
    await expect(parse(Buffer.from(gone))).rejects.toMatchObject({ status: 410, reason: 'Expired' })
  })

  it('drops a line that was cut', async () => {
    expect(await parse(Buffer.from(`${line('ADDED', {})}{"type":"DELE`))).toHaveLength(1)
  })
})
