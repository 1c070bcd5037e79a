import type { SinkConfig } from '../../src/contract/sink-config.ts'
import { sinkConfig } from '../support/sink-process.ts'
import { SOMETIMES, topicsOf } from './events.ts'
import type { FaultyServers } from './servers.ts'

/** What may be edited in a connector while it runs. */
type Edit = Parameters<typeof sinkConfig>[0]

export interface Surroundings {
  readonly servers: FaultyServers
  /** Of the connector's events. */
  readonly namespace: string
  /** Group, bucket and connector have the same name. */
  readonly name: string
}

/**
 * Configurations that a connector goes through: other paths, formats, flush limits, and filters that select the same
 * events, some more, or only those of one topic for a while. The first selects all that must be delivered.
 */
export function configurations(surroundings: Surroundings, lane: number): SinkConfig[] {
  const { namespace } = surroundings
  const topics = topicsOf(namespace)
  const edits: Edit[] = [
    {},
    { template: 'edited/{topic}/{hh}{mm}/{topic}.json', filter: { [namespace]: ['*'] } },
    { compression: 'zstd', filter: { [namespace]: topics, [SOMETIMES]: topics } },
    { path: pathOf('by-event-time/{eventName}/year={yyyy}/hour={hh}/minute={mm}/{topic}.json', 'event') },
    { format: 'parquet', compression: 'zstd', template: 'parquet/{namespace}/{topic}.json' },
    { filter: { [namespace]: topics.slice(0, 1) } },
    { compression: 'gzip', flush: { intervalMs: 1_500, events: 1_000, bytes: 20_000_000 } },
    { template: '{topic}.json', flush: { intervalMs: 200, events: 20, bytes: 20_000_000 } },
  ]
  return edits.map((edit) => configuration(surroundings, lane, edit))
}

function configuration({ servers, namespace, name }: Surroundings, lane: number, edit: Edit): SinkConfig {
  const { region } = servers.s3
  return sinkConfig({
    connector: `faults/${name}`,
    filter: { [namespace]: topicsOf(namespace) },
    template: '{eventType}/{eventName}/year={yyyy}/month={MM}/day={dd}/hour={hh}/minute={mm}/{topic}.json',
    kafka: {
      bootstrapServers: servers.links[lane]?.map(({ port }) => `127.0.0.1:${port}`) ?? [],
      ...{ groupId: name, startFrom: 'earliest', epoch: 0 },
    },
    s3: {
      ...{ bucketName: name, region, endpoint: servers.s3Proxy.endpoint, forcePathStyle: true },
      ...{ partSizeBytes: 5_242_880, credentials: 'default', requestChecksumCalculation: 'when_supported' },
    },
    flush: { intervalMs: 600, events: 100, bytes: 20_000_000 },
    ...edit,
  })
}

function pathOf(template: string, timestampSource: 'record' | 'event'): SinkConfig['path'] {
  return { template, partitionDurationMs: 60_000, timestampSource }
}
