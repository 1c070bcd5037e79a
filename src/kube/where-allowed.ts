import { isRightMissing } from './errors.ts'

/**
 * The answers of the namespaces that may be read, of one call for each that is looked after. One that is deleted takes the rights in it along, and
 * must not keep anybody from the others. Where none may be read it is the API server that has not read its roles yet, or the install.
 *
 * @throws what a call fails with otherwise, or each for want of a right
 */
export async function whereAllowed<T>(calls: readonly Promise<T>[]): Promise<T[]> {
  const answers = await Promise.allSettled(calls)
  const refused = answers.filter((each) => each.status === 'rejected' && isRightMissing(each.reason))
  return answers.flatMap((each) => {
    if (each.status === 'fulfilled') return [each.value]
    if (refused.includes(each) && refused.length < answers.length) return []
    throw each.reason
  })
}
