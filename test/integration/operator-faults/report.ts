import { writeFile } from 'node:fs/promises'
import { cpus, release } from 'node:os'
import { join } from 'node:path'
import { REPOSITORY } from '../../repository.ts'
import type { Lives } from './lives.ts'

const PAGE = join(REPOSITORY, 'docs/operator-faults.md')

export async function writeReport(
  { begun, well, tally }: Lives,
  writes: readonly string[],
  seed: number,
): Promise<void> {
  const rows = tally.entries.map(([what, times]) => `| ${what} | ${times.toLocaleString('en-US')} |`)
  const report = `# Faults of the operator on a real API server

Written by \`REPORT=1 npm run faults:operator\`; what it does is in [testing.md](testing.md#faults-of-the-operator).

| | |
|---|---|
| lives of a connector, of which ended well | ${begun}, ${well} |
| writes of the operator in one life | ${writes.length} |
| took | ${Math.round(performance.now() / 1000)} s |
| seed | ${seed} |
| on | Node ${process.versions.node}, Kubernetes 1.34.4, Linux ${release()}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'} |

| what happened in lives that ended well | times |
|---|--:|
${rows.join('\n')}
`
  await writeFile(PAGE, report)
}
