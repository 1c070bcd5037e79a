/** The blocks of docs/status.md: commands, and what kubectl prints for them. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from '../../repository.ts'
import type { Stack } from '../../stack/stack.ts'
import { kubectl } from '../../support/kubectl.ts'

const PAGE = join(REPOSITORY, 'docs/status.md')
/** What the page calls the namespace. */
const NAMESPACE_SHOWN = 'games'
const CONDITIONS = '{range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{"\\n"}{end}'

export const nameOf = (reason: string) =>
  reason
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/^S3([A-Z])/, 's3-$1')
    .toLowerCase()

/** How a person sees a connector's columns. */
export const columnsOf = (reason: string) => ['get', 'ac', nameOf(reason), '-o', 'wide']

/** How they see every condition with its words. */
export const conditionsOf = (reason: string) => ['get', 'ac', nameOf(reason), '-o', `jsonpath='${CONDITIONS}'`]

/** How they see the Events of a reason. */
export const eventsOf = (reason: string) => [
  'get',
  'events',
  '--field-selector',
  `reason=${reason},involvedObject.name=${nameOf(reason)}`,
]

/** A block as the page has it: each command with what kubectl prints for it, in which what differs from run to run is replaced. */
export async function capture(stack: Stack, namespace: string, commands: readonly string[][]): Promise<string> {
  const blocks = commands.map(async (args) => {
    const printed = await kubectl(stack, [...args.map((arg) => arg.replaceAll("'", '')), '-n', namespace])
    const isTable = args.some((arg) => arg === 'wide' || arg === 'events')
    const shown = isTable ? tableOf(printed, namespace) : repeatable(printed.trimEnd(), namespace)
    return `$ kubectl ${args.join(' ')}\n${shown}`
  })
  return (await Promise.all(blocks)).join('\n')
}

function tableOf(printed: string, namespace: string): string {
  const [header = '', ...rows] = printed.trimEnd().split('\n')
  const titles = header.split(/\s{2,}/).map((title) => ({ title, start: header.indexOf(title) }))
  const cells = rows.map((row) =>
    titles.map(({ title, start }, i) =>
      title === 'AGE' || title === 'LAST SEEN'
        ? '5m'
        : repeatable(row.slice(start, titles[i + 1]?.start).trim(), namespace),
    ),
  )
  const table = [titles.map(({ title }) => title), ...cells]
  const widths = titles.map((_title, i) => Math.max(...table.map((row) => row[i]?.length ?? 0)) + 3)
  return table
    .map((row) =>
      row
        .map((text, i) => text.padEnd(widths[i] ?? 0))
        .join('')
        .trimEnd(),
    )
    .join('\n')
}

/** A text with what differs from run to run replaced. */
export function repeatable(text: string, namespace: string): string {
  return (
    text
      .replace(/-sink-[a-z0-9]{7,10}-[a-z0-9]{5}/g, '-sink-5d8f9c7b6d-x2x9k')
      .replace(/-sink-[a-z0-9]{7,10}-(?![a-z0-9])/g, '-sink-5d8f9c7b6d-')
      .replace(/\b[0-9a-f]{10}\b/g, '0a1b2c3d4e')
      .replaceAll(namespace, NAMESPACE_SHOWN)
      .replace(/127\.\d+\.\d+\.\d+/g, '10.0.0.8')
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '2026-03-01T12:00:00Z')
      // The scheduler counts all nodes, those that other tests left too.
      .replace(
        /0\/\d+ nodes are available: [^"]*/g,
        "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
      )
  )
}

const blockOf = (reason: string) => new RegExp(`(\n### ${reason}\n(?:(?!\n#)[^])*?\n\`\`\`console\n)([^\`]*)(\n\`\`\`)`)

/** The block below a reason's heading. */
export function shown(reason: string): string | undefined {
  return blockOf(reason).exec(readFileSync(PAGE, 'utf8'))?.[2]
}

/** Replaces blocks. @param blocks by reason */
export function write(blocks: ReadonlyMap<string, string>): void {
  let page = readFileSync(PAGE, 'utf8')
  for (const [reason, block] of blocks)
    page = page.replace(blockOf(reason), (_all, before: string, _old: string, after: string) => before + block + after)
  writeFileSync(PAGE, page)
}
