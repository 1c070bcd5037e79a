/** Imports point one way: `bin -> operator|sink|admin -> kube -> contract -> lib`, and each foreign client has one home. */
import { dirname, join } from 'node:path/posix'
import { describe, expect, test } from 'vitest'
import { filesLike, textOf } from './files.ts'

/** Folder of src to the folders that it may import beside itself. A sink has no Kubernetes access, so it does not import kube. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  bin: ['operator', 'sink', 'admin', 'kube', 'contract', 'lib'],
  operator: ['kube', 'contract', 'lib'],
  sink: ['contract', 'lib'],
  admin: ['kube', 'contract', 'lib'],
  kube: ['contract', 'lib'],
  contract: ['lib'],
  lib: [],
}

/** Package to the folders that may import it. */
const HOMES: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^@kubernetes\/client-node/, ['kube']],
  [/^kafkajs/, ['sink', 'admin']],
  [/^@aws-sdk\//, ['sink']],
  [/^@smithy\//, ['sink']],
]

const sources = filesLike('src/**/*.ts').filter((path) => !path.endsWith('.d.ts'))

interface Import {
  readonly from: string
  readonly to: string
}

function importsOf(path: string): Import[] {
  const statements = textOf(path).matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)
  return [...statements].map(([, to = '']) => ({ from: path, to }))
}

function folderOf(path: string): string {
  return path.split('/')[1] ?? ''
}

const imports = sources.flatMap(importsOf)
const relative = imports.filter(({ to }) => to.startsWith('.'))

test('imports are found at all, static and dynamic', () => {
  expect(imports).toContainEqual({ from: 'src/bin/main.ts', to: './validate.ts' })
  expect(imports).toContainEqual({ from: 'src/contract/resource.ts', to: 'zod' })
})

test('every folder of src has its place in the order', () => {
  expect(Object.keys(ARROWS)).toEqual(expect.arrayContaining([...new Set(sources.map(folderOf))]))
})

test('no import points against the order', () => {
  const against = relative.filter(({ from, to }) => {
    const target = folderOf(join(dirname(from), to))
    return target !== folderOf(from) && !ARROWS[folderOf(from)]?.includes(target)
  })
  expect(against).toEqual([])
})

test('no import leaves src', () => {
  expect(relative.filter(({ from, to }) => !join(dirname(from), to).startsWith('src/'))).toEqual([])
})

describe('foreign clients', () => {
  test.each(HOMES)('%s is imported only in %j', (name, homes) => {
    const strangers = imports.filter(({ from, to }) => name.test(to) && !homes.includes(folderOf(from)))
    expect(strangers).toEqual([])
  })
})

test('only src/bin reads the environment', () => {
  expect(sources.filter((path) => folderOf(path) !== 'bin' && textOf(path).includes('process.env'))).toEqual([])
})
