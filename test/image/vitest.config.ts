import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'
import { SummaryReporter } from '../support/summary-reporter.ts'

/** What `npm run test:image` runs, in namespaces of its own: the end-to-end tests of `npm test` on the real node, and what only it can show. */
export default defineConfig({
  root: resolve(import.meta.dirname, '../..'),
  test: {
    name: 'image',
    reporters: ['default', new SummaryReporter()],
    include: ['test/image/suite/**/*.test.ts', 'test/e2e/**/*.test.ts'],
    globalSetup: 'test/image/global-setup.ts',
    fileParallelism: false,
    // A container takes more of a machine than a process from the sources does, and tests wait for seconds.
    maxConcurrency: 2,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    execArgv: ['--disable-warning=TimeoutNegativeWarning'],
  },
})
