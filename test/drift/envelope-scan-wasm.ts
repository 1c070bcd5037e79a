import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import wabt from 'wabt'

const SOURCE = 'src/sink/envelope-scan.wat'
const LINE_LENGTH = 100

/** The module src/sink/envelope-scan-wasm.ts: WebAssembly as text, because a module needs no file beside it at run time. */
export async function envelopeScanModule(): Promise<string> {
  const text = await readFile(join(import.meta.dirname, '../..', SOURCE), 'utf8')
  const { parseWat } = await wabt()
  const parsed = parseWat(SOURCE, text, { simd: true })
  const base64 = Buffer.from(parsed.toBinary({}).buffer).toString('base64')
  const lines = base64.match(new RegExp(`.{1,${LINE_LENGTH}}`, 'g')) ?? []
  return [
    `// Generated from ${SOURCE} by \`npm run generate\`. Do not edit.`,
    'export const ENVELOPE_SCAN_WASM =',
    ...lines.map((line, i) => `  '${line}'${i < lines.length - 1 ? ' +' : ''}`),
    '',
  ].join('\n')
}
