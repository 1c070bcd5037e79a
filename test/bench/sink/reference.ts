import type { SinkConfig } from '../../../src/contract/sink-config.ts'

/** What a reference process is told to do. */
export interface Task {
  readonly config: SinkConfig
  readonly partitions: number
}

export function onlyTopic({ filter }: SinkConfig): string {
  const [topic] = Object.values(filter).flat()
  if (topic === undefined) throw new Error('the filter names no topic')
  return topic
}

/** Numbers to count up; they are printed ten times a second, for the benchmark that started this process. */
export function reportProgress(): { read: number; done: number } {
  const progress = { read: 0, done: 0 }
  // An orderly exit, so that a profile is written.
  process.once('SIGTERM', () => process.exit())
  setInterval(() => console.log(JSON.stringify(progress)), 100)
  return progress
}
