/** `npm run generate` writes the generated files; with `--check` (`npm run verify`) it only says which ones differ. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { REPOSITORY } from '../repository.ts'
import { generatedFiles } from './generated-files.ts'

async function current(path: string): Promise<string> {
  return readFile(join(REPOSITORY, path), 'utf8').catch(() => '')
}

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(REPOSITORY, path)), { recursive: true })
  await writeFile(join(REPOSITORY, path), content)
}

const differing: string[] = []
for (const [path, content] of generatedFiles()) if ((await current(path)) !== content) differing.push(path)

if (process.argv.includes('--check')) {
  if (differing.length > 0) {
    process.stderr.write(`Not up to date: ${differing.join(', ')}. Run \`npm run generate\` and commit the result.\n`)
    process.exitCode = 1
  }
} else {
  for (const path of differing) await write(path, generatedFiles().get(path) ?? '')
  process.stdout.write(differing.length > 0 ? `Wrote ${differing.join(', ')}\n` : 'Everything is up to date\n')
}
