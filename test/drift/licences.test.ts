/** What the image ships beside our own code may be shipped. */
import { expect, test } from 'vitest'
import { textOf } from './files.ts'

/** Permissive: nothing is asked for but the notice, which stays in the package's folder. */
const PERMISSIVE = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'PSF-2.0',
  'Unlicense',
]

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly license?: string; readonly dev?: boolean; readonly devOptional?: boolean }>
  >
}

const shipped = Object.entries((JSON.parse(textOf('package-lock.json')) as Lock).packages).filter(
  ([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional,
)

test('every package that the image ships has a permissive licence', () => {
  expect(shipped.length).toBeGreaterThan(50)
  expect(shipped.filter(([, { license }]) => !PERMISSIVE.includes(license ?? '')).map(([path]) => path)).toEqual([])
})
