import { expect, test } from 'vitest'
import { translatePaths } from './mount-paths.ts'

const translate = translatePaths([
  { mountPath: '/etc/app', folder: '/pods/p/volumes/app' },
  { mountPath: '/etc/app/tls/', folder: '/pods/p/volumes/tls' },
  { mountPath: '/data', folder: '/pods/p/volumes/data' },
])

test.each([
  ['/etc/app', '/pods/p/volumes/app'],
  ['/etc/app/', '/pods/p/volumes/app/'],
  ['/etc/app/a.json', '/pods/p/volumes/app/a.json'],
  ['--config=/etc/app/a.json', '--config=/pods/p/volumes/app/a.json'],
  ['file:///etc/app/a.json', 'file:///pods/p/volumes/app/a.json'],
  ['/data:/etc/app', '/pods/p/volumes/data:/pods/p/volumes/app'],
])('a mountPath at the beginning of a path is replaced: %s', (text, expected) => {
  expect(translate(text)).toBe(expected)
})

test('the longest mountPath wins', () => {
  expect(translate('/etc/app/tls/ca.crt')).toBe('/pods/p/volumes/tls/ca.crt')
})

test.each(['/etc/app2', '/etc/app-x/y', '/usr/etc/app', 'a/data', 's3://data', '/etc/app.d'])(
  '%s is left alone',
  (text) => {
    expect(translate(text)).toBe(text)
  },
)

test('without mounts nothing changes', () => {
  expect(translatePaths([])('/etc/app')).toBe('/etc/app')
})
