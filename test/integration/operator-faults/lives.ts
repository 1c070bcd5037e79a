import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { CONNECTOR_LABEL } from '../../../src/contract/names.ts'
import type { ClusterAccess } from '../../../src/kube/cluster-access.ts'
import { Tally } from '../../faults/tally.ts'
import type { Stack } from '../../stack/stack.ts'
import { eventually } from '../../support/eventually.ts'
import {
  type OperatorSettings,
  type RunningOperator,
  startOperator,
  withoutInstalledOperator,
  writesOf,
} from '../../support/in-process-operator.ts'
import { kubectl } from '../../support/kubectl.ts'
import { signInConfined } from '../../support/permissions.ts'
import { SimulatedNode } from '../../support/simulated-node.ts'
import { HistoryRecorder } from '../../support/status/history-recorder.ts'
import { objectsAfter, Person, type Step } from './life.ts'

export const QUIET_MS = 1_500
const FAST = { statusPollSeconds: { changing: 0.1, steady: 2 } }
/** A connector of this name has pods that take the operator's connections and never answer. */
export const SILENT = 'silent'

type Installed = Awaited<ReturnType<typeof withoutInstalledOperator>>

/** What happens in one life. */
export interface Run {
  readonly person: Person
  readonly start: (settings?: OperatorSettings) => Promise<RunningOperator>
}

export interface Circumstances {
  /** How long the person waits for each change to be Ready. */
  readonly withinMs?: number
  /** False: watches break off and answers are lost, so that nobody can tell which status followed on which. */
  readonly isWatched?: boolean
}

export interface Electable {
  readonly access: ClusterAccess
  readonly lease: { readonly namespace: string; readonly name: string }
}

/** A cluster in which connectors live, each in a namespace of its own, with pods that only say that they deliver. */
export class Lives {
  readonly stack: Stack
  readonly #node: SimulatedNode
  readonly #installed: Installed
  /** How many were begun, and how many of them ended well. */
  begun = 0
  well = 0
  /** What happened in those that ended well. */
  readonly tally = new Tally()

  private constructor(stack: Stack, node: SimulatedNode, installed: Installed) {
    this.stack = stack
    this.#node = node
    this.#installed = installed
  }

  static async begin(stack: Stack): Promise<Lives> {
    const installed = await withoutInstalledOperator(stack)
    const node = await SimulatedNode.start({
      kubeconfigPath: stack.kubeconfigPath,
      name: `simulated-${randomBytes(3).toString('hex')}`,
      startMs: 50,
      isSilent: ({ metadata }) => metadata.labels?.[CONNECTOR_LABEL] === SILENT,
    })
    return new Lives(stack, node, installed)
  }

  async end(): Promise<void> {
    await this.#node.stop()
    await this.#installed.restore()
  }

  /**
   * A life while `operate` runs operators; afterwards all must be well: the objects are those of its last step, an operator that knows nothing
   * finds everything as it would have made it, and no status ever said what was not so.
   *
   * @param operate returns the last step, or nothing where other objects are there
   */
  async live(
    operate: (run: Run) => Promise<Step | undefined>,
    { withinMs = 60_000, isWatched = true }: Circumstances = {},
  ): Promise<void> {
    const { stack } = this
    this.begun++
    const namespace = `faults-${randomBytes(4).toString('hex')}`
    await kubectl(stack, ['create', 'namespace', namespace])
    const history = isWatched ? await HistoryRecorder.start(stack, namespace) : undefined
    const person = await Person.in(stack, namespace, this.#node.placement, withinMs)
    const operators: RunningOperator[] = []
    const start = async (settings: OperatorSettings = {}) => {
      const config = { ...FAST, watchNamespaces: [namespace], ...settings.config }
      const operator = await startOperator(stack, { isOneOfTwo: !isWatched, ...settings, config })
      operators.push(operator)
      return operator
    }
    try {
      const last = await operate({ person, start })
      for (const operator of operators) await operator.stop()
      if (last) await eventually(20_000, async () => expect(await person.objects()).toEqual(objectsAfter(last)))
      const auditor = await start()
      await delay(QUIET_MS)
      expect(writesOf(auditor.calls)).toEqual([])
      await auditor.stop()
      await history?.finish()
      this.well++
    } finally {
      await Promise.allSettled(operators.map((operator) => operator.stop()))
      await person.api.close()
      await kubectl(stack, ['delete', 'namespace', namespace, '--wait=false'])
    }
  }

  /** Settings of an operator that may have the lease of the person's namespace. */
  async electable({ namespace }: Person): Promise<Electable> {
    const confined = { folder: 'overlays/namespace', home: namespace, watched: namespace } as const
    const access = await signInConfined(this.stack, confined)
    return { access, lease: { namespace, name: 'analytics-connector-operator' } }
  }
}
