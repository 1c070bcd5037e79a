import type { AnalyticsConnectorStatus } from '../../../src/contract/resource.ts'
import type { Condition } from '../../../src/contract/status-fields.ts'
import { kstatusOf } from './kstatus.ts'

const KNOWN_TYPES = ['Ready', 'Active', 'Reconciling', 'Stalled', 'OffsetsKept', 'ScalingLimited', 'Conflicted']
/** RFC 3339 to the second, as metav1.Time writes it. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/
const CAMEL_CASE = /^[A-Z][A-Za-z0-9]*$/

/**
 * What is wrong with a status that was written for `generation`, one line each. The rules are Flux's and kstatus's for
 * conditions, and ours for how the published status document goes with them.
 * Source: fluxcd/pkg/runtime/conditions/check (its rules for Ready, Reconciling and Stalled), Kubernetes API conventions.
 */
export function statusViolations(status: AnalyticsConnectorStatus, generation: number): string[] {
  const conditions = status.conditions ?? []
  const find = (type: string) => conditions.find((condition) => condition.type === type)
  const [ready, active] = [find('Ready'), find('Active')]
  const progress = conditions.filter(({ type }) => type === 'Reconciling' || type === 'Stalled')
  const { connector } = status
  const rules: [string, boolean][] = [
    ['observedGeneration is the one that was looked at', status.observedGeneration === generation],
    ['every type occurs once', new Set(conditions.map(({ type }) => type)).size === conditions.length],
    ['only documented types occur', conditions.every(({ type }) => KNOWN_TYPES.includes(type))],
    ['there are Ready and Active', ready !== undefined && active !== undefined],
    ['Reconciling and Stalled are there only while True', progress.every((each) => each.status === 'True')],
    ['Reconciling and Stalled exclude each other', progress.length <= 1],
    ['Ready=True excludes both', ready?.status !== 'True' || progress.length === 0],
    ['Ready=False says whether to wait or to act', ready?.status !== 'False' || progress.length === 1],
    ['they say the same as Ready', progress.every((each) => sameWords(each, ready))],
    [
      'kstatus is Current exactly when Ready',
      (kstatus(status, generation) === 'Current') === (ready?.status === 'True'),
    ],
    [
      'kstatus is Failed exactly when Stalled',
      (kstatus(status, generation) === 'Failed') === (find('Stalled') !== undefined),
    ],
    ['FAILED goes with Stalled', (connector?.status === 'FAILED') === (find('Stalled') !== undefined)],
    ['FAILED goes with an error', (connector?.status === 'FAILED') === ((connector?.error ?? null) !== null)],
    ['ACTIVE goes with Active=True', (connector?.status === 'ACTIVE') === (active?.status === 'True')],
    ['the error is the message of Active and Stalled', errorIsTold(status, [active, find('Stalled')])],
    ['OffsetsKept is there only while nothing runs', find('OffsetsKept') === undefined || active?.status === 'False'],
    ['the error is one line', !/[\r\n]/.test(connector?.error ?? '')],
    ['the document has a time', TIME.test(connector?.time ?? '')],
  ]
  return [
    ...rules.filter(([, holds]) => !holds).map(([rule]) => rule),
    ...conditions.flatMap((condition) => formViolations(condition, status)),
  ]
}

/** What is wrong with the step from one written status to the next of the same connector. */
export function transitionViolations(before: AnalyticsConnectorStatus, after: AnalyticsConnectorStatus): string[] {
  const violations: string[] = []
  if ((after.observedGeneration ?? -1) < (before.observedGeneration ?? -1))
    violations.push('observedGeneration goes back')
  for (const condition of after.conditions ?? []) {
    const was = before.conditions?.find(({ type }) => type === condition.type)
    const moved = was?.lastTransitionTime !== condition.lastTransitionTime
    if (was && was.status === condition.status && moved)
      violations.push(`lastTransitionTime of ${condition.type} moves although its status does not`)
  }
  const sameDocument =
    before.connector?.status === after.connector?.status &&
    (before.connector?.error ?? null) === (after.connector?.error ?? null)
  if (before.connector && sameDocument && before.connector.time !== after.connector?.time)
    violations.push('the time of the status document moves although nothing else of it does')
  return violations
}

function formViolations(condition: Condition, { observedGeneration }: AnalyticsConnectorStatus): string[] {
  const { type, reason, message, lastTransitionTime } = condition
  return [
    ...(CAMEL_CASE.test(reason) ? [] : [`the reason of ${type}, "${reason}", is no CamelCase word`]),
    ...(message.trim() === '' ? [`${type} has no message`] : []),
    ...(TIME.test(lastTransitionTime) ? [] : [`${type} has no lastTransitionTime`]),
    ...(condition.observedGeneration === observedGeneration ? [] : [`${type} speaks of another generation`]),
  ]
}

function kstatus(status: AnalyticsConnectorStatus, generation: number) {
  return kstatusOf({ metadata: { generation }, status })
}

function sameWords(condition: Condition, ready: Condition | undefined): boolean {
  return condition.reason === ready?.reason && condition.message === ready.message
}

function errorIsTold({ connector }: AnalyticsConnectorStatus, told: readonly (Condition | undefined)[]): boolean {
  return typeof connector?.error !== 'string' || told.every((condition) => condition?.message === connector.error)
}
