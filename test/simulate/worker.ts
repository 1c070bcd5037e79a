/** A child process of `npm run simulate`: does the jobs that it is sent, one after the other. */
import { type Answer, doJob, type Job } from './jobs.ts'

Error.stackTraceLimit = 0

process.on('message', async (job: Job) => {
  const answer: Answer = await doJob(job)
  process.send?.(answer)
})
process.on('disconnect', () => process.exit())
