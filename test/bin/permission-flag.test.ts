import { expect, it } from 'vitest'
import { parsePermission } from '../../src/bin/permission-flag.ts'

it.each([
  ['ADMIN:ANALYTICS:CONNECTOR=CREATE,READ,UPDATE,DELETE', 'ADMIN:ANALYTICS:CONNECTOR', 15],
  ['ADMIN:ANALYTICS:CONNECTOR [CREATE,READ,UPDATE,DELETE]', 'ADMIN:ANALYTICS:CONNECTOR', 15],
  ['ADMIN:ROLE[READ]', 'ADMIN:ROLE', 2],
  ['ADMIN:NAMESPACE:*:CLIENT [READ, DELETE]', 'ADMIN:NAMESPACE:*:CLIENT', 10],
  ['*=READ,READ', '*', 2],
])('reads %j', (text, resource, actions) => {
  expect(parsePermission('--permission', text)).toEqual({ resource, actions })
})

it.each([
  '',
  'ADMIN:ROLE',
  'ADMIN:ROLE=',
  'ADMIN:ROLE []',
  '=READ',
  'ADMIN:ROLE=LIST',
  'ADMIN:ROLE=read',
  'ADMIN ROLE=READ',
  'ADMIN:ROLE=READ,',
  'ADMIN:ROLE [READ',
  'ADMIN:ROLE=toString',
])('refuses %j and says what is allowed', (text) => {
  expect(() => parsePermission('--permission', text)).toThrow(/^--permission must be a resource and its actions/)
})
