/**
 * A sink that is broken on purpose, as the environment variable BROKEN_DESIGN says: one of the simulation's designs. What is
 * told to it on the command line is told to the sink as it is built, too. Proves that the faults and the check find something.
 */
import { parseArgs } from 'node:util'
import { sinkParts } from '../../src/bin/sink-parts.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { abortOnSignals } from '../../src/lib/lifecycle.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { createRegistry } from '../../src/lib/metrics.ts'
import type { RecordSource } from '../../src/sink/record-source.ts'
import { readRevision } from '../../src/sink/revisions.ts'
import { runSink } from '../../src/sink/run-sink.ts'
import { Sink, type SinkParts } from '../../src/sink/sink.ts'
import { BROKEN, type Design } from '../simulate/design.ts'
import { SESSION_SECONDS } from './servers.ts'

const DRAIN_TIMEOUT_MS = 5_000

const { values } = parseArgs({
  options: { revision: { type: 'string', default: '' }, 'revisions-dir': { type: 'string', default: '' } },
  strict: false,
})
const [revision, dir] = [String(values.revision), String(values['revisions-dir'])]
const design = BROKEN[process.env.BROKEN_DESIGN ?? '']
if (!design) throw new Error(`BROKEN_DESIGN must be one of: ${Object.keys(BROKEN).join('; ')}`)

const config = readRevision(dir, revision)
const shutdown = abortOnSignals(process, (code) => process.exit(code))
const parts = broken(
  sinkParts({
    config,
    readRevision: (revision) => readRevision(dir, revision),
    checkRevisions: () => {},
    ...{ credentialsDir: '', kafkaSecretsDir: '', sessionTimeoutMs: SESSION_SECONDS * 1000 },
    ...{ clock: systemClock, logger: createLogger('info', { revision }) },
    registry: createRegistry({ connector: config.connector }),
  }),
  design,
)
parts.logger.info('sink started')
await runSink(new Sink(parts), parts, shutdown, DRAIN_TIMEOUT_MS)
process.exit(0)

function broken(parts: SinkParts, { tenure, store }: Design): SinkParts {
  const { source } = parts
  const wrapped: RecordSource = {
    run: (listener) => source.run({ ...listener, assigned: (ours) => listener.assigned(tenure?.(ours) ?? ours) }),
    stop: (deadline) => source.stop(deadline),
    lag: () => source.lag(),
    topicPartitions: () => source.topicPartitions(),
  }
  return { ...parts, source: wrapped, store: store?.(parts.store) ?? parts.store }
}
