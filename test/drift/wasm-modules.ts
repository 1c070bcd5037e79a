import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import wabt from 'wabt'
import { REPOSITORY } from '../repository.ts'

/** Source and name of each module in WebAssembly; it is assembled into <source>-wasm.ts beside it. */
const SOURCES = [
  ['src/sink/envelope-scan', 'ENVELOPE_SCAN_WASM'],
  ['src/sink/kafka/crc32c', 'CRC32C_WASM'],
] as const
const LINE_LENGTH = 100

/** Path and text of each: WebAssembly as text, because a module needs no file beside it at run time. */
export async function wasmModules(): Promise<[path: string, text: string][]> {
  const { parseWat } = await wabt()
  return Promise.all(
    SOURCES.map(async ([source, name]) => {
      const wat = await readFile(join(REPOSITORY, `${source}.wat`), 'utf8')
      const parsed = parseWat(`${source}.wat`, wat, { simd: true })
      return [`${source}-wasm.ts`, moduleText(source, name, Buffer.from(parsed.toBinary({}).buffer))]
    }),
  )
}

function moduleText(source: string, name: string, binary: Buffer): string {
  const lines = binary.toString('base64').match(new RegExp(`.{1,${LINE_LENGTH}}`, 'g')) ?? []
  return [
    `// Generated from ${source}.wat by \`npm run generate\`. Do not edit.`,
    `export const ${name} =`,
    ...lines.map((line, i) => `  '${line}'${i < lines.length - 1 ? ' +' : ''}`),
    '',
  ].join('\n')
}
