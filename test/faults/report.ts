import { cpus, release, totalmem } from 'node:os'
import { kafkaVersion } from '../stack/native/kafka-jars.ts'
import { type RoundOutcome, violationsIn } from './round.ts'
import { Tally } from './tally.ts'

/** docs/faults.md. */
export function report(outcomes: readonly RoundOutcome[], broken: ReadonlyMap<string, number>, tookMs: number): string {
  const tally = new Tally()
  for (const outcome of outcomes) tally.addAll(outcome.tally)
  const sum = (of: (outcome: RoundOutcome) => number) => n(outcomes.reduce((sum, outcome) => sum + of(outcome), 0))
  return `# Faults on real servers

Written by \`npm run faults -- --report\`; what it does is in [testing.md](testing.md).

| | |
|---|---|
| rounds | ${outcomes.length}, seeds ${outcomes[0]?.seed} to ${outcomes.at(-1)?.seed} |
| connectors in each | ${outcomes[0]?.violations.size}, of three sinks on twelve partitions; every second writes in parts |
| events in Kafka, of which it acknowledged | ${sum(({ events }) => events)}, ${sum(({ acknowledged }) => acknowledged)} |
| objects read and compared | ${sum(({ objects }) => objects)} |
| events lost, doubled, changed or left behind, uploads in parts that were not aborted | ${sum((outcome) => violationsIn(outcome).length)} |
| took | ${Math.round(tookMs / 1000)} s |
| on | Node ${process.versions.node}, Kafka ${kafkaVersion} (three brokers), versitygw 1.8.0, Linux ${release()}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB |

| what happened | times |
|---|--:|
${tally.entries.map(([what, times]) => `| ${what} | ${n(times)} |`).join('\n')}
${broken.size === 0 ? '' : brokenTable(broken)}`
}

function brokenTable(broken: ReadonlyMap<string, number>): string {
  return `
Broken on purpose, each in a round of its own:

| design | what the check found |
|---|--:|
${[...broken].map(([design, found]) => `| ${design} | ${n(found)} violations |`).join('\n')}
`
}

function n(value: number): string {
  return value.toLocaleString('en-US')
}
