import { parseAllDocuments, type ScalarTag, type Tags } from 'yaml'

/**
 * Aliases of one document, times those that each leads to: what is written once may be meant for every connector of a List, and
 * nobody writes so many by hand. Beyond, a few lines could stand for more than there is memory.
 */
const MAX_ALIASES = 10_000

/** One document of a manifest file, as plain data. */
export interface ManifestDocument {
  /** `<kind>/<name>`, as far as they can be told. */
  readonly name: string
  readonly content: unknown
}

/**
 * UTF-8, or UTF-16 that says so at its beginning, as PowerShell writes files: kubectl reads both.
 *
 * @throws {TypeError} for what is neither
 */
export function manifestText(bytes: Uint8Array): string {
  const [first, second] = bytes
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
  return new TextDecoder(encoding, { fatal: true }).decode(bytes)
}

/**
 * The documents of a YAML or JSON text; the items of a List count one by one, empty documents not at all. YAML 1.1, as
 * kubectl reads it, so that `yes` is a boolean here too.
 *
 * @throws {Error} with line and column, if the text is no YAML
 */
export function manifestDocuments(text: string): ManifestDocument[] {
  const documents = parsed(text)
  const isStream = text.trimStart().startsWith('{') && documents.some(({ errors }) => errors.length > 0)
  return (isStream ? parsed(separated(text)) : documents).flatMap((document) => {
    const [error] = document.errors
    if (error) throw new Error(error.message.split('\n')[0]?.replace(/:$/, ''))
    const content: unknown = document.toJS({ maxAliasCount: MAX_ALIASES })
    return content === null ? [] : itemsOf(content).map((item) => ({ name: nameOf(item), content: item }))
  })
}

function parsed(text: string) {
  return parseAllDocuments(text, { version: '1.1', customTags: withoutTimes })
}

/** JSON objects in a row, as `jq '.items[]'` prints them and kubectl takes them, as YAML has them: with a line between. */
function separated(json: string): string {
  let depth = 0
  return json.replace(/"(?:[^"\\]|\\.)*"|[{}]/g, (token, at: number) => {
    const begins = token === '{' && depth === 0 && json.lastIndexOf('}', at) >= 0
    depth += token === '{' ? 1 : token === '}' ? -1 : 0
    return begins ? `${json[at - 1] === '\n' ? '' : '\n'}--- {` : token
  })
}

/** Of YAML 1.1 kubectl leaves out that `1:30` is the number 90 and `2026-11-30` a time: both are text. */
function withoutTimes(tags: Tags): Tags {
  return tags.filter(
    (tag) => typeof tag === 'string' || ((tag as ScalarTag).format !== 'TIME' && !tag.tag.endsWith(':timestamp')),
  )
}

function itemsOf(content: unknown): unknown[] {
  const { kind, items } = (content ?? {}) as { kind?: unknown; items?: unknown }
  return typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items) ? items.flatMap(itemsOf) : [content]
}

function nameOf(content: unknown): string {
  const { kind, metadata } = (content ?? {}) as { kind?: unknown; metadata?: { name?: unknown } | null }
  return `${text(kind) ?? 'document'}/${text(metadata?.name) ?? '(no name)'}`
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
