import type { SinkConfig } from '../contract/sink-config.ts'
import { describeError } from '../lib/errors.ts'
import { beginningOf } from './assignment.ts'
import { decodeCommitMetadata } from './commit-metadata.ts'
import type { Plan } from './plan.ts'
import type { SourceListener, Tenure } from './record-source.ts'
import type { CommitKind } from './sink-metrics.ts'
import type { SinkHealth } from './status.ts'
import { PartitionTenure, type TenureParts } from './tenure.ts'

export interface SinkListenerParts extends Omit<TenureParts, 'problem' | 'unfinished'> {
  readonly config: SinkConfig
  readonly health: SinkHealth
  /** The plan of any mounted revision. @throws Error where it cannot be read */
  readonly readPlan: (revision: string) => Plan
  readonly committed: (kind: CommitKind, error: unknown) => void
}

/** What the sink does when partitions come: one PartitionTenure for each. */
export function sinkListener(parts: SinkListenerParts): SourceListener {
  const { config, health, plan, logger } = parts
  const planOf = (revision: string) => (revision === plan.revision ? plan : planOrNull(revision, parts))
  return {
    assigned: async (tenure) => {
      const { topic, partition, committed, clusterId, topicId, isNewcomer } = tenure
      const { epoch } = config.kafka
      const startFrom = isNewcomer ? 'earliest' : config.kafka.startFrom
      const beginning = beginningOf({ committed, clusterId, topicId, startFrom, epoch, planOf })
      logger.debug(
        { topic, partition, beginning: beginning.kind, offset: String(committed.offset) },
        'partition assigned',
      )
      const problem = (error: string | null) => health.problem(`${topic}-${partition}`, error)
      const unfinished = () => health.unfinished()
      return new PartitionTenure(countingCommits(tenure, parts.committed), beginning, { ...parts, problem, unfinished })
    },
    problem: (error) => {
      if (error !== null) logger.warn({ error }, 'Kafka cannot be used, trying again')
      health.problem('kafka', error)
    },
    settled: (partitions) => {
      logger.info({ partitions }, 'assignment in place')
      health.settled(partitions)
    },
  }
}

function planOrNull(revision: string, { readPlan, logger }: SinkListenerParts): Plan | null {
  try {
    return readPlan(revision)
  } catch (error) {
    logger.error({ revision, error: describeError(error) }, 'the revision of an intent cannot be read')
    return null
  }
}

function countingCommits(tenure: Tenure, committed: SinkListenerParts['committed']): Tenure {
  return {
    ...tenure,
    commit: async (offset, metadata) => {
      const kind = decodeCommitMetadata(metadata).kind === 'intent' ? 'intent' : 'final'
      try {
        await tenure.commit(offset, metadata)
        committed(kind, null)
      } catch (error) {
        committed(kind, error)
        throw error
      }
    },
  }
}
