/**
 * The sink with something other than it is built, as the environment says; the command line is the same. BROKEN_DESIGN: broken on
 * purpose, as one of the simulation's designs, which proves that the faults and the check find something. LARGEST_PUT_BYTES: objects
 * above this size go up in parts, so that a run need not write 64 MiB an object to see that.
 */
import { parseArgs } from 'node:util'
import { sinkParts } from '../../src/bin/sink-parts.ts'
import type { SinkConfig } from '../../src/contract/sink-config.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { abortOnSignals } from '../../src/lib/lifecycle.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { createRegistry } from '../../src/lib/metrics.ts'
import type { ObjectStore } from '../../src/sink/object-store.ts'
import type { RecordSource } from '../../src/sink/record-source.ts'
import { readRevision } from '../../src/sink/revisions.ts'
import { runSink } from '../../src/sink/run-sink.ts'
import { S3Store } from '../../src/sink/s3-store.ts'
import { Sink, type SinkParts } from '../../src/sink/sink.ts'
import { BROKEN, type Design, OURS } from '../simulate/design.ts'

const DRAIN_TIMEOUT_MS = 5_000

const { values } = parseArgs({
  options: {
    revision: { type: 'string', default: '' },
    'revisions-dir': { type: 'string', default: '' },
    'session-timeout': { type: 'string', default: '6s' },
  },
  strict: false,
})
const [revision, dir] = [String(values.revision), String(values['revisions-dir'])]
// By the environment, as the command line is the real sink's.
const { BROKEN_DESIGN, LARGEST_PUT_BYTES } = process.env
const design = BROKEN_DESIGN === undefined ? OURS : BROKEN[BROKEN_DESIGN]
if (!design) throw new Error(`BROKEN_DESIGN must be one of: ${Object.keys(BROKEN).join('; ')}`)

const config = readRevision(dir, revision)
const shutdown = abortOnSignals(process, (code) => process.exit(code))
const parts = altered(
  sinkParts({
    config,
    readRevision: (revision) => readRevision(dir, revision),
    checkRevisions: () => {},
    ...{
      credentialsDir: '',
      s3AuthoritiesDir: '',
      kafkaSecretsDir: '',
      sessionTimeoutMs: Number.parseInt(String(values['session-timeout']), 10) * 1000,
    },
    ...{ clock: systemClock, logger: createLogger('info', { revision }) },
    registry: createRegistry({ connector: config.connector }),
  }),
  design,
)
parts.logger.info('sink started')
await runSink(new Sink(parts), parts, shutdown, DRAIN_TIMEOUT_MS)
process.exit(0)

function altered(parts: SinkParts, { tenure, store }: Design): SinkParts {
  const { source } = parts
  const built = LARGEST_PUT_BYTES === undefined ? parts.store : storeInParts(config.s3, Number(LARGEST_PUT_BYTES))
  const wrapped: RecordSource = {
    run: (listener) => source.run({ ...listener, assigned: (ours) => listener.assigned(tenure?.(ours) ?? ours) }),
    stop: (deadline) => source.stop(deadline),
    lag: () => source.lag(),
    readable: () => source.readable(),
    topicPartitions: () => source.topicPartitions(),
  }
  return { ...parts, source: wrapped, store: store?.(built) ?? built }
}

function storeInParts(s3: SinkConfig['s3'], largestPutBytes: number): ObjectStore {
  return new S3Store({ s3, credentialsDir: '', observer: { called: () => {} }, largestPutBytes })
}
