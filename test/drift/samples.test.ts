import { expect, test } from 'vitest'
import { manifestDocuments } from '../../src/bin/manifest-documents.ts'
import { isConnectorManifest, validateManifest } from '../../src/contract/validate.ts'
import { filesLike, textOf } from './files.ts'

const samples = filesLike('deploy/samples/**/*.yaml')

test('there are samples', () => {
  expect(samples).toContain('deploy/samples/game-events.yaml')
})

test.each(samples)('%s holds a valid connector', (path) => {
  const connectors = manifestDocuments(textOf(path)).filter(({ content }) => isConnectorManifest(content))
  expect(connectors.length).toBeGreaterThan(0)
  for (const { content } of connectors) expect(validateManifest(content).problems).toEqual([])
})

test('no two samples have one name, so that all of them can be applied', () => {
  const names = samples.flatMap((path) => manifestDocuments(textOf(path)).map(({ name }) => name))
  expect(new Set(names).size).toBe(names.length)
})

/** YAML blocks of the documentation that show a whole connector. */
const shown = filesLike('README.md', 'docs/**/*.md').flatMap((path) =>
  [...textOf(path).matchAll(/^```ya?ml\n([\s\S]*?)^```/gm)]
    .flatMap(([, block = '']) => manifestDocuments(block))
    .filter(({ content }) => isConnectorManifest(content))
    .map(({ content, name }) => ({ path, name, content })),
)

test('the README shows a whole connector', () => {
  expect(shown.map(({ path }) => path)).toContain('README.md')
})

test.each(shown)('$path shows a valid $name', ({ content }) => {
  expect(validateManifest(content).problems).toEqual([])
})
