/** The error table of docs/rest-api.md and that of the code are the same. */
import { expect, test } from 'vitest'
import { API_ERRORS } from '../../src/admin/api-error.ts'
import { textOf } from './files.ts'

test('docs/rest-api.md has every error that the API answers with, and no other', () => {
  const rows = [...textOf('docs/rest-api.md').matchAll(/^\| (\d{5}) \| (\d{3}) \| (.+) \|$/gm)]
  const written = rows.map(([, code, status, meaning]) => `${code} ${status} ${meaning}`)
  const answered = Object.values(API_ERRORS).map(
    ({ errorCode, status, meaning }) => `${errorCode} ${status} ${meaning}`,
  )
  expect(written).toEqual(answered.sort())
})
