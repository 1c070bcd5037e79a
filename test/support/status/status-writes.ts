import type { AnalyticsConnectorStatus } from '../../../src/contract/resource.ts'
import { statusViolations, transitionViolations } from './condition-rules.ts'

/** Follows every status that is written for any connector and keeps what breaks a rule. */
export class StatusWrites {
  readonly violations: string[] = []
  readonly #last = new Map<string, AnalyticsConnectorStatus>()

  /**
   * @param key of the connector
   * @param generation of its spec that the status was made for
   */
  note(key: string, generation: number, status: AnalyticsConnectorStatus): void {
    const before = this.#last.get(key)
    this.#last.set(key, structuredClone(status))
    const broken = [
      ...statusViolations(status, generation),
      ...(before === undefined ? [] : transitionViolations(before, status)),
      ...(JSON.stringify(before) === JSON.stringify(status) ? ['it is written although it says nothing new'] : []),
    ]
    for (const rule of broken) this.violations.push(`${key}: broken rule "${rule}" in ${JSON.stringify(status)}`)
  }

  /** What is noted next is not compared with what was before. */
  forget(key: string): void {
    this.#last.delete(key)
  }

  /** @throws Error with everything that broke a rule */
  verify(): void {
    if (this.violations.length > 0) throw new Error(this.violations.join('\n'))
  }
}
