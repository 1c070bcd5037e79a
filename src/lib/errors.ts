/**
 * One line about any thrown value, with the messages of its causes, so that a person sees what really failed
 * ("connect ECONNREFUSED …" and not only "fetch failed"). No stack, no line breaks.
 */
export function describeError(error: unknown): string {
  const seen: string[] = []
  for (
    let e: unknown = error;
    e !== undefined && e !== null && seen.length < 5;
    e = e instanceof Error ? e.cause : undefined
  ) {
    const text = (e instanceof Error ? messageOf(e) : String(e)).replace(/\s+/g, ' ').trim()
    if (text && !seen.some((s) => s.includes(text))) seen.push(text)
  }
  return seen.join(': ') || 'unknown error'
}

function messageOf(error: Error): string {
  if (error.message) return error.message
  if (error instanceof AggregateError)
    return error.errors.map((e) => (e instanceof Error ? e.message : String(e))).join(', ')
  return error.name
}
