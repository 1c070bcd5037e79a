/**
 * Errors of a reconcile are named for what has to happen next. Everything that is neither of these is tried again after a
 * back-off.
 */

/** Nothing goes on until a person does something: it becomes the Stalled condition. */
export class Stalled extends Error {
  override readonly name = 'Stalled'
  /** CamelCase, for the conditions. */
  readonly reason: string
  /** Whether finding out took long and may do so again, so that it is tried again as what failed is. */
  readonly isSlow: boolean

  constructor(reason: string, message: string, { isSlow = false } = {}) {
    super(message)
    this.reason = reason
    this.isSlow = isSlow
  }
}

/** Nothing is wrong, but it is not time yet: look again after `delayMs`. */
export class Waiting extends Error {
  override readonly name: string = 'Waiting'
  readonly delayMs: number

  constructor(delayMs: number, message: string) {
    super(message)
    this.delayMs = delayMs
  }
}

/** The namespace is being deleted: it takes no new objects, and the connector goes with it. */
export class NamespaceEnding extends Waiting {
  override readonly name = 'NamespaceEnding'
}
