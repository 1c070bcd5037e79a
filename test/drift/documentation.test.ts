/** What the documentation tells a reader to type or to open is there. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { REJECT_REASONS } from '../../src/sink/rejects.ts'
import { PROGRAM, REPOSITORY } from '../repository.ts'
import { filesLike, textOf } from './files.ts'

const pages = filesLike('*.md', 'src/README.md', 'docs/**/*.md')
const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> }

interface Mention {
  readonly page: string
  readonly what: string
}

function mentions(pattern: RegExp): Mention[] {
  return pages.flatMap((page) => [...textOf(page).matchAll(pattern)].map(([, what = '']) => ({ page, what })))
}

test('every npm script that is named exists', () => {
  const named = mentions(/\bnpm run ([\w:-]+)/g)
  expect(named.map(({ what }) => what)).toContain('demo')
  expect(named.filter(({ what }) => !(what in scripts))).toEqual([])
})

test('every command of analytics-connector that is named exists', () => {
  const help = execFileSync(process.execPath, [PROGRAM, '--help'], { encoding: 'utf8' })
  const commands = [...help.matchAll(/^ {2}([a-z]+) /gm)].map(([, command]) => command)
  expect(commands).toContain('validate')
  const named = mentions(/(?:`|^|\$ |npx )analytics-connector ([a-z]+)/gm)
  expect(named.map(({ what }) => what)).toContain('validate')
  expect(named.filter(({ what }) => !commands.includes(what))).toEqual([])
})

test('every test that docs/testing.md names is in the file that it names', () => {
  const rows = [...textOf('docs/testing.md').matchAll(/^\|.*\| \[.*?\]\(\.\.\/(test\/[^)]+)\) \| (.+) \|$/gm)]
  expect(rows.length).toBeGreaterThan(20)
  expect(rows.filter(([, file = '', name = '']) => !textOf(file).includes(name)).map(([row]) => row)).toEqual([])
})

test('every link to a file of this repository leads somewhere', () => {
  const links = mentions(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g).filter(({ what }) => !/^[a-z]+:/.test(what))
  expect(links.length).toBeGreaterThan(0)
  expect(links.filter(({ page, what }) => !existsSync(join(REPOSITORY, dirname(page), what)))).toEqual([])
})

test('every link to a heading leads to one', () => {
  const links = mentions(/\]\(((?!https?:)[^)\s]*#[^)\s]+)\)/g).map(({ page, what }) => {
    const [path = '', anchor = ''] = what.split('#')
    return { page, what, target: path === '' ? page : join(dirname(page), path), anchor }
  })
  expect(links.length).toBeGreaterThan(10)
  expect(links.filter(({ target, anchor }) => !anchorsOf(target).includes(anchor))).toEqual([])
})

/** As GitHub makes them of headings. */
function anchorsOf(page: string): string[] {
  const headings = textOf(page)
    .replace(/^```[\s\S]*?^```/gm, '')
    .matchAll(/^#+ (.+)$/gm)
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

test('every npm script is told of', () => {
  const named = new Set(mentions(/\bnpm run ([\w:-]+)/g).map(({ what }) => what))
  expect(Object.keys(scripts).filter((script) => script !== 'test' && !named.has(script))).toEqual([])
})

test('every test that a command names is there', () => {
  const tests = filesLike('test/**/*.test.ts')
  const named = mentions(/(?:vitest --project \w+|npm (?:test|run [\w:]+) --) (test\/[\w./-]+)/g)
  expect(named.map(({ what }) => what)).toContain('test/sink')
  expect(named.filter(({ what }) => !tests.some((path) => path.includes(what)))).toEqual([])
})

test('every row of a table has as many cells as the table has columns', () => {
  const cells = (row: string) => row.replaceAll('\\|', '').split('|').length
  const tables = pages.flatMap((page) =>
    [
      ...textOf(page)
        .replace(/^```[\s\S]*?^```/gm, '')
        .matchAll(/(?:^\|.*\n)+/gm),
    ].map(([table]) => ({ page, table })),
  )
  expect(tables.length).toBeGreaterThan(50)
  const uneven = tables.flatMap(({ page, table }) => {
    const [head = '', ...rows] = table.trimEnd().split('\n')
    return rows.filter((row) => cells(row) !== cells(head)).map((row) => ({ page, row }))
  })
  expect(uneven).toEqual([])
})

test('no page has a backslash in code that is meant for what is outside of it', () => {
  expect(mentions(/(`[^`\n]*\\[<*][^`\n]*`)/g)).toEqual([])
})

test('every path of this repository that is named exists', () => {
  const paths = mentions(/`((?:\.\/)?(?:src|test|docs|deploy|crds)\/[\w./-]+)`/g)
  expect(paths.length).toBeGreaterThan(0)
  expect(paths.filter(({ what }) => !existsSync(join(REPOSITORY, what)))).toEqual([])
})

test('the code map names only what is there, by paths from src, and fits on two screens', () => {
  const map = textOf('src/README.md')
  const named = [...map.matchAll(/\]\(([\w./-]+)\)/g)].map(([, path = '']) => path)
  expect(named.length).toBeGreaterThan(10)
  expect(named.filter((path) => !existsSync(join(REPOSITORY, 'src', path)))).toEqual([])
  expect(map.split('\n').length).toBeLessThanOrEqual(120)
})

test('docs/formats.md explains every reason for a reject, and no other', () => {
  const table = textOf('docs/formats.md').split('## Rejects')[1]?.split('\n## ')[0] ?? ''
  const explained = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, reason]) => reason)
  expect(explained.filter((reason) => reason !== 'reason').sort()).toEqual([...REJECT_REASONS].sort())
})
