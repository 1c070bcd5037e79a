import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer as bytesOf } from 'node:stream/consumers'
import { isConnectorManifest, validateManifest } from '../contract/validate.ts'
import { describeError } from '../lib/errors.ts'
import { type Command, endWithReader, FlagError, parseFlags } from './command.ts'
import { type ManifestDocument, manifestDocuments, manifestText } from './manifest-documents.ts'

const USAGE = `Usage: analytics-connector validate <manifest…>

Checks AnalyticsConnector manifests without a cluster, by the rules of the API server. A manifest is a YAML or JSON file
(any number of documents), a folder (every .yaml, .yml and .json below it) or - for standard input. Other kinds are skipped.

Prints one line for each document that is valid and one for each problem: file: kind/name: field: what is wrong.
Exit code 0: all valid. 1: something is not. 2: something could not be read, or a file, folder or standard input holds nothing.
`

interface Findings {
  /** Of every kind. */
  readonly documents: number
  readonly valid: number
  readonly problems: number
  readonly unreadable: number
}

export const validateCommand: Command = { usage: USAGE, run }

async function run(args: string[]): Promise<number> {
  const { positionals: sources } = parseFlags({ args, allowPositionals: true })
  if (sources.length === 0) throw new FlagError('name a manifest, a folder or - for standard input')
  endWithReader()
  const all: Findings[] = []
  for (const source of sources) all.push(...(await checkSource(source)))
  const total = (count: keyof Findings) => all.reduce((sum, findings) => sum + findings[count], 0)
  print(`${total('valid')} valid, ${total('problems')} problems, ${total('unreadable')} unreadable`)
  return total('unreadable') > 0 ? 2 : total('problems') > 0 ? 1 : 0
}

async function checkSource(source: string): Promise<Findings[]> {
  const findings: Findings[] = []
  try {
    for (const file of await filesOf(source)) findings.push(await checkFile(file))
    // Otherwise a wrong folder, or a pipe whose first command has failed, would pass as valid.
    if (findings.every(({ documents, unreadable }) => documents + unreadable === 0))
      throw new Error('holds no manifest')
  } catch (error) {
    findings.push(unreadable(source, error))
  }
  return findings
}

async function checkFile(file: string): Promise<Findings> {
  try {
    return checkText(file, manifestText(file === '-' ? await bytesOf(process.stdin) : await readFile(file)))
  } catch (error) {
    return unreadable(file, error)
  }
}

function unreadable(source: string, error: unknown): Findings {
  process.stderr.write(`${source}: ${describeError(error)}\n`)
  return { documents: 0, valid: 0, problems: 0, unreadable: 1 }
}

async function filesOf(source: string): Promise<string[]> {
  if (source === '-' || !(await stat(source)).isDirectory()) return [source]
  const names = await readdir(source, { recursive: true })
  return names
    .filter((name) => /\.(ya?ml|json)$/.test(name))
    .sort()
    .map((name) => join(source, name))
}

function checkText(file: string, text: string): Findings {
  const findings = manifestDocuments(text).map((document) => checkDocument(file, document))
  const total = (count: keyof Findings) => findings.reduce((sum, each) => sum + each[count], 0)
  return { documents: findings.length, valid: total('valid'), problems: total('problems'), unreadable: 0 }
}

function checkDocument(file: string, { name, content }: ManifestDocument): Findings {
  if (!isConnectorManifest(content)) {
    print(`${file}: ${name}: skipped, not an AnalyticsConnector`)
    return { documents: 1, valid: 0, problems: 0, unreadable: 0 }
  }
  const { problems } = validateManifest(content)
  for (const { path, message } of problems) print(`${file}: ${name}: ${path}: ${message}`)
  if (problems.length === 0) print(`${file}: ${name}: valid`)
  return { documents: 1, valid: problems.length === 0 ? 1 : 0, problems: problems.length, unreadable: 0 }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
