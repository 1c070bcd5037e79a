import type { Worker } from './measure.ts'
import { type Job, referenceWorker, sinkWorker } from './workers.ts'

export interface Case {
  readonly name: string
  readonly eventBytes: number
  readonly eventNames: number
  start(job: Job): Promise<Worker>
}

export const CASES: readonly Case[] = [
  { name: 'sink, 1 KiB, none, 1 object', eventBytes: 1024, eventNames: 1, start: (job) => sinkWorker(job) },
  { name: 'sink, 1 KiB, none, 100 objects', eventBytes: 1024, eventNames: 100, start: (job) => sinkWorker(job) },
  { name: 'sink, 200 B, none, 1 object', eventBytes: 200, eventNames: 1, start: (job) => sinkWorker(job) },
  { name: 'sink, 10 KiB, none, 1 object', eventBytes: 10_240, eventNames: 1, start: (job) => sinkWorker(job) },
  { name: 'plain loop, 1 KiB', eventBytes: 1024, eventNames: 1, start: (job) => referenceWorker('plain-loop.ts', job) },
  { name: 'plain loop, 200 B', eventBytes: 200, eventNames: 1, start: (job) => referenceWorker('plain-loop.ts', job) },
  {
    name: 'kafkajs consumer, 1 KiB',
    eventBytes: 1024,
    eventNames: 1,
    start: (job) => referenceWorker('stock-consumer.ts', job),
  },
  {
    name: 'kafkajs consumer, 200 B',
    eventBytes: 200,
    eventNames: 1,
    start: (job) => referenceWorker('stock-consumer.ts', job),
  },
]
