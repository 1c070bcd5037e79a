import { expect, test } from 'vitest'
import { textOf } from './files.ts'
import { generatedFiles } from './generated-files.ts'

test.each([...generatedFiles()])('%s is what `npm run generate` writes', (path, content) => {
  expect(textOf(path) === content, 'run `npm run generate` and commit the result').toBe(true)
})
