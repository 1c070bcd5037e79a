import { describe, expect, it } from 'vitest'
import {
  errorFromResponse,
  isConflict,
  isExpired,
  isInternalError,
  isNamespaceTerminating,
  isOverQuota,
  isRefusal,
  isRightMissing,
  isUnavailable,
  isWebhookFailure,
} from '../../src/kube/errors.ts'

const status = (fields: object) => JSON.stringify({ kind: 'Status', ...fields })

describe('errorFromResponse', () => {
  it('takes reason and message from the Status, and names the request', () => {
    const error = errorFromResponse(
      'PATCH /api/v1/x',
      422,
      status({ reason: 'Invalid', message: 'spec.replicas: must be …' }),
    )
    expect(error).toMatchObject({
      status: 422,
      reason: 'Invalid',
      message: 'PATCH /api/v1/x: spec.replicas: must be …',
    })
  })

  it('reads what is behind the reason', () => {
    const details = { causes: [{ reason: 'NamespaceTerminating', message: 'namespace x is being terminated' }] }
    const error = errorFromResponse('PATCH /x', 403, status({ reason: 'Forbidden', details }))
    expect([isNamespaceTerminating(error), isRefusal(error)]).toEqual([true, true])
  })

  it('makes one line of the page of a proxy', () => {
    const error = errorFromResponse('GET /x', 502, '<html>\n<h1>Bad Gateway</h1>\n')
    expect(error).toMatchObject({ reason: 'Http502', message: 'GET /x: <html> <h1>Bad Gateway</h1> ' })
  })

  it('reads how long to wait from the header, else from the Status', () => {
    expect(errorFromResponse('GET /x', 429, '', '3').retryAfterMs).toBe(3_000)
    expect(errorFromResponse('GET /x', 504, status({ details: { retryAfterSeconds: 1 } })).retryAfterMs).toBe(1_000)
    expect(errorFromResponse('GET /x', 500, '').retryAfterMs).toBeUndefined()
    // A proxy's page in the place of the API server, which may be back in a moment.
    expect(errorFromResponse('GET /x', 503, '<html>', '86400').retryAfterMs).toBe(60_000)
  })
})

describe('what happens next', () => {
  const of = (code: number) => errorFromResponse('GET /x', code, '')

  it('tells a webhook that gives no verdict, which may hang again', () => {
    const message =
      'Internal error occurred: failed calling webhook "quota.example.com": failed to call webhook: context deadline exceeded'
    const error = errorFromResponse('PATCH /x', 500, JSON.stringify({ message }))
    expect([isWebhookFailure(error), isRefusal(error), isInternalError(error)]).toEqual([true, false, false])
    expect(isWebhookFailure(of(500))).toBe(false)
    expect([500, 503, 504].map((code) => isInternalError(of(code)))).toEqual([true, false, true])
  })

  it('tells a right that is missing from a quota, and neither from a server that has only just started', () => {
    const refused = (words: string) =>
      errorFromResponse(
        'PATCH /x',
        403,
        status({ reason: 'Forbidden', message: `deployments.apps "x" is forbidden: ${words}` }),
      )
    const right = refused(
      'User "system:serviceaccount:a:b" cannot patch resource "deployments" in API group "apps" in the namespace "n"',
    )
    const quota = refused('exceeded quota: full, requested: count/deployments.apps=1')
    const starting = refused('not yet ready to handle request')
    expect([right, quota, starting].map(isRightMissing)).toEqual([true, false, false])
    expect([right, quota, starting].map(isOverQuota)).toEqual([false, true, false])
    expect([right, quota, starting].map(isRefusal)).toEqual([true, true, false])
    expect([right, quota, starting].map(isUnavailable)).toEqual([false, false, true])
  })

  it('takes the denial of a webhook for a refusal, whatever HTTP status that has chosen: for its own errors it is 500', () => {
    const words = 'admission webhook "names.example.com" denied the request'
    for (const message of [`${words}: cannot look up the owner: connection refused`, `${words} without explanation`]) {
      const denied = (code: number) => errorFromResponse('PATCH /x', code, status({ message }))
      expect([400, 401, 403, 404, 409, 429, 500, 503].every((code) => isRefusal(denied(code)))).toBe(true)
      expect(isWebhookFailure(denied(500))).toBe(false)
    }
  })

  it('else depends on the HTTP status', () => {
    expect([400, 403, 422].map((code) => isRefusal(of(code)))).toEqual([true, true, true])
    const untyped =
      'failed to create typed patch object (a/b; apps/v1, Kind=Deployment): .spec.affinity: expected map, got &{7}'
    expect(isRefusal(errorFromResponse('PATCH /x', 500, JSON.stringify({ message: untyped })))).toBe(true)
    expect([0, 401, 404, 409, 410, 429, 500, 503].some((code) => isRefusal(of(code)))).toBe(false)
    expect([isConflict(of(409)), isExpired(of(410)), isExpired(of(409)), isConflict(new Error('409'))]).toEqual([
      true,
      true,
      false,
      false,
    ])
  })
})
