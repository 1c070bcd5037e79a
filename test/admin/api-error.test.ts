import { expect, test } from 'vitest'
import { API_ERRORS, ApiError } from '../../src/admin/api-error.ts'

test('no code is given twice', () => {
  const codes = Object.values(API_ERRORS).map(({ errorCode }) => errorCode)
  expect(new Set(codes).size).toBe(codes.length)
})

test('the published codes keep their published status', () => {
  const published = Object.values(API_ERRORS)
    .filter(({ errorCode }) => errorCode < 90_000)
    .map(({ errorCode, status }) => [errorCode, status])
  expect(published).toEqual([
    [20000, 500],
    [20001, 401],
    [20002, 400],
    [20013, 403],
    [20019, 400],
  ])
})

test('an error takes code and status from the table', () => {
  const error = new ApiError('methodNotAllowed', 'no PATCH here', { headers: { allow: 'GET' } })
  expect(error).toMatchObject({ status: 405, headers: { allow: 'GET' } })
  expect(error.body).toEqual({ errorCode: 90003, errorMessage: 'no PATCH here' })
})
