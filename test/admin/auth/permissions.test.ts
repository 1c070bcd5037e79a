import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { actionBits, isGranted, matches, permissionsClaim } from '../../../src/admin/auth/permissions.ts'

describe('matches', () => {
  it.each([
    ['NAMESPACE:foo:USER:888:PROFILE:*', 'NAMESPACE:foo:USER:888:PROFILE:birthday', true],
    ['NAMESPACE:foo:USER:*', 'NAMESPACE:foo:USER:888:PROFILE:birthday', false],
    ['NAMESPACE:foo:USER:*:*', 'NAMESPACE:foo:USER:888:PROFILE:birthday', true],
    ['*', 'NAMESPACE:foo:USER:888:PROFILE:birthday', true],
    ['NAMESPACE:foo:*', 'NAMESPACE:foo:USER:888:PROFILE:birthday', true],
    ['NAMESPACE:foo:USER', 'NAMESPACE:foo:USER:888:PROFILE:birthday', false],
    ['NAMESPACE:foo:USER:888:*:*', 'NAMESPACE:foo:USER:888', true],
    ['NAMESPACE:foo:USER:888:PROFILE:*', 'NAMESPACE:foo:USER:888', false],
    ['NAMESPACE:foo:USER:888:PROFILE:birthday', 'NAMESPACE:foo:USER:888:PROFILE:*', false],
  ])('%s for %s: %s', (granted, required, allowed) => {
    expect(matches(granted, required)).toBe(allowed)
  })

  it.each([
    // A `*` for one namespace does not reach below it, and one for a user neither.
    ['ADMIN:NAMESPACE:*', 'ADMIN:NAMESPACE:acme:ANALYTICS:CONNECTOR', false],
    ['ADMIN:NAMESPACE:*:*', 'ADMIN:NAMESPACE:acme:ANALYTICS:CONNECTOR', true],
    ['ADMIN:*', 'ADMIN:ANALYTICS:CONNECTOR', true],
    ['ADMIN:NAMESPACE:*:ANALYTICS:CONNECTOR', 'ADMIN:NAMESPACE:acme:ANALYTICS:CONNECTOR', true],
    // The right to one namespace's connectors is none to those of all, nor the other way round.
    ['ADMIN:NAMESPACE:acme:ANALYTICS:CONNECTOR', 'ADMIN:ANALYTICS:CONNECTOR', false],
    ['ADMIN:ANALYTICS:CONNECTOR', 'ADMIN:NAMESPACE:acme:ANALYTICS:CONNECTOR', false],
    // Only a whole section is a wildcard, and only in what is granted.
    ['ADMIN:NAMESPACE:ac*:ANALYTICS:CONNECTOR', 'ADMIN:NAMESPACE:acme:ANALYTICS:CONNECTOR', false],
    ['ADMIN:NAMESPACE:**:ANALYTICS:CONNECTOR', 'ADMIN:NAMESPACE:acme:ANALYTICS:CONNECTOR', false],
    ['ADMIN:NAMESPACE:acme:ANALYTICS:CONNECTOR', 'ADMIN:NAMESPACE:*:ANALYTICS:CONNECTOR', false],
    ['ADMIN:NAMESPACE:acme:ANALYTICS:CONNECTOR', 'ADMIN:NAMESPACE::ANALYTICS:CONNECTOR', false],
    ['', 'ADMIN:ANALYTICS:CONNECTOR', false],
    [':*', 'ADMIN:ANALYTICS:CONNECTOR', false],
    ['admin:analytics:connector', 'ADMIN:ANALYTICS:CONNECTOR', false],
  ])('%s for %s: %s', (granted, required, allowed) => {
    expect(matches(granted, required)).toBe(allowed)
  })

  const section = fc.constantFrom('ADMIN', 'NAMESPACE', 'USER', 'acme', 'ANALYTICS', '*')
  const literal = fc.constantFrom('ADMIN', 'NAMESPACE', 'USER', 'acme', 'ANALYTICS')
  const resource = fc.array(section, { minLength: 1, maxLength: 6 }).map((sections) => sections.join(':'))
  const literals = fc.array(literal, { minLength: 1, maxLength: 6 }).map((sections) => sections.join(':'))

  it('grants a resource to itself, and everything to a lone *', () => {
    fc.assert(fc.property(resource, (any) => matches(any, any) && matches('*', any)))
  })

  it('grants nothing but itself without a wildcard', () => {
    fc.assert(
      fc.property(literals, literals, (granted, required) => matches(granted, required) === (granted === required)),
    )
  })

  it('never grants where a section that both have differs from what is no wildcard', () => {
    fc.assert(
      fc.property(resource, resource, (granted, required) => {
        const given = granted.split(':')
        const differs = required
          .split(':')
          .some((each, i) => given[i] !== undefined && given[i] !== '*' && given[i] !== each)
        return !differs || !matches(granted, required)
      }),
    )
  })

  it('does not read a * in what is required as a wildcard: replacing it by another unknown word changes nothing', () => {
    fc.assert(
      fc.property(resource, resource, (granted, required) => {
        return matches(granted, required) === matches(granted, required.replaceAll('*', 'unheard-of'))
      }),
    )
  })
})

describe('isGranted', () => {
  const permissions = [
    { resource: 'ADMIN:ANALYTICS:CONNECTOR', actions: actionBits(['READ', 'UPDATE']) },
    { resource: 'ADMIN:ROLE', actions: 15 },
  ]

  it('wants resource and action in one permission', () => {
    expect(isGranted(permissions, 'ADMIN:ANALYTICS:CONNECTOR', 'READ')).toBe(true)
    expect(isGranted(permissions, 'ADMIN:ANALYTICS:CONNECTOR', 'UPDATE')).toBe(true)
    expect(isGranted(permissions, 'ADMIN:ANALYTICS:CONNECTOR', 'DELETE')).toBe(false)
    expect(isGranted(permissions, 'ADMIN:CLIENT', 'READ')).toBe(false)
    expect(isGranted([], 'ADMIN:ROLE', 'READ')).toBe(false)
  })
})

describe('permissionsClaim', () => {
  it('takes both spellings, and null for none', () => {
    const claim = [
      { Resource: 'ADMIN:ROLE', Action: 2 },
      { resource: 'ADMIN:ANALYTICS:CONNECTOR', action: 15 },
    ]
    expect(permissionsClaim.parse(claim)).toEqual([
      { resource: 'ADMIN:ROLE', actions: 2 },
      { resource: 'ADMIN:ANALYTICS:CONNECTOR', actions: 15 },
    ])
    expect(permissionsClaim.parse(null)).toEqual([])
    expect(permissionsClaim.parse(undefined)).toEqual([])
  })

  it.each([
    ['inside and outside of it', { Action: 15, schedAction: 2, schedCron: '* * * * *' }, 2],
    ['so, in another spelling', { Action: 15, SchedAction: 2, SchedRange: ['0 0 8 * * *', '0 0 18 * * *'] }, 2],
    ['so, where nothing does inside: Go leaves out a 0', { Action: 15, SchedCron: '0 0 2 * * SUN' }, 0],
    ['at any time where the schedule is empty', { Action: 15, schedAction: 0, schedCron: '', schedRange: null }, 15],
  ])('grants of a permission with a schedule only what holds %s', (_when, scheduled, actions) => {
    const claim = [{ Resource: 'ADMIN:ROLE', ...scheduled }]
    expect(permissionsClaim.parse(claim)).toEqual([{ resource: 'ADMIN:ROLE', actions }])
  })

  it.each([
    [[{ Resource: 'ADMIN:ROLE' }]],
    [[{ Resource: 'ADMIN:ROLE', Action: '15' }]],
    [[{ Action: 15 }]],
    ['ADMIN:ROLE'],
    [[{ Resource: 'ADMIN:ROLE', Action: -1 }]],
  ])('refuses %j', (claim) => {
    expect(permissionsClaim.safeParse(claim).success).toBe(false)
  })
})
