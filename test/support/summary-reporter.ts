import type { Reporter, SerializedError, TestModule } from 'vitest/node'

/** Ends the output with one plain line, `<n> passed, <n> failed`, that shows a script that tests ran. */
export class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    let passed = 0
    let failed = unhandledErrors.length
    for (const module of modules) {
      // A file that cannot be loaded has no tests that could fail.
      failed += module.errors().length
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') passed += 1
        if (state === 'failed') failed += 1
      }
    }
    process.once('exit', () => console.log(`${passed} passed, ${failed} failed`))
  }
}
