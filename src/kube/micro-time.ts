/**
 * A time as Kubernetes' MicroTime wants it: RFC 3339 with exactly six fractional digits; the API server refuses three.
 *
 * @param epochMs milliseconds since the epoch
 */
export function microTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z')
}
