import { defineConfig } from 'vitest/config'
import { SuiteSequencer } from './test/support/suite-sequencer.ts'
import { SummaryReporter } from './test/support/summary-reporter.ts'

const onServers = ['test/integration/**/*.test.ts', 'test/e2e/**/*.test.ts']
const drift = ['test/drift/**/*.test.ts']
/** Needs a node of its own: test/image/vitest.config.ts. */
const onNode = ['test/image/suite/**']
const simulate = ['test/simulate/**/*.test.ts']
/** kafkajs makes negative timers. */
const execArgv = ['--disable-warning=TimeoutNegativeWarning']

export default defineConfig({
  test: {
    reporters: ['default', new SummaryReporter()],
    teardownTimeout: 60_000,
    sequence: { sequencer: SuiteSequencer },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...onServers, ...onNode, ...drift, ...simulate],
          sequence: { groupOrder: 0 },
          // A test that hangs, not a slow machine, shall fail.
          testTimeout: 60_000,
          execArgv,
        },
      },
      { test: { name: 'drift', include: drift, sequence: { groupOrder: 1 }, execArgv } },
      { test: { name: 'simulate', include: simulate, sequence: { groupOrder: 1 }, testTimeout: 600_000, execArgv } },
      {
        test: {
          name: 'servers',
          include: onServers,
          globalSetup: 'test/support/global-stack.ts',
          // The files share one set of servers, and some stop them for a while.
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          // A test that hangs, not a slow machine, shall fail.
          testTimeout: 300_000,
          hookTimeout: 120_000,
          execArgv,
        },
      },
    ],
  },
})
