import type { TestSpecification } from 'vitest/node'
import { BaseSequencer } from 'vitest/node'

/** What is about the whole run comes last; everything else in vitest's own order. */
export class SuiteSequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLast = ({ moduleId }: TestSpecification) => moduleId.endsWith('/suite-permissions.test.ts')
    const sorted = await super.sort(files)
    return [...sorted.filter((file) => !isLast(file)), ...sorted.filter(isLast)]
  }
}
