/**
 * Promise.all that answers only when every task has ended, so that after a failure nothing goes on in the background.
 * @throws what the first failed task threw
 */
export async function settleAll<T extends readonly unknown[]>(tasks: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  await Promise.allSettled(tasks)
  return (await Promise.all(tasks)) as unknown as T
}
