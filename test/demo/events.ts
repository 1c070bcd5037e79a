/**
 * `npm run stack:events`: on the servers of `npm run stack:up`, what a connector needs to have something to do: a bucket,
 * topics, a stream of game events, and a manifest that says where they are. Ends on Ctrl-C.
 */
import { writeFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { stringify } from 'yaml'
import { connectStack } from '../stack/remote.ts'
import { paths, readStackFolder } from '../stack/stack-folder.ts'
import { Bucket } from '../support/bucket.ts'
import { createTopics, EventProducer, gameTopic } from '../support/game-events.ts'
import { BUCKET, EVENTS_PER_SECOND, localSample, TARGETS } from './sample.ts'

const remote = await readStackFolder()
if (!remote) {
  console.error('No servers are up: run npm run stack:up first.')
  process.exit(1)
}
const stack = connectStack(remote)
const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort())

const manifests = (await localSample(stack)).map((document) => stringify(document))
await writeFile(paths.sample, manifests.join('---\n'), { mode: 0o600 })
// Both may be there from an earlier run; kafkajs takes an existing topic for created.
await new Bucket(stack.s3, BUCKET).create().catch((error: Error) => {
  if (error.name !== 'BucketAlreadyOwnedByYou') throw error
})
await createTopics(
  stack.kafkaBootstrapServers,
  TARGETS.map(({ namespace, eventName }) => gameTopic(namespace, eventName)),
)
const producer = new EventProducer(stack.kafkaBootstrapServers)
await producer.connect()
producer.startStream(TARGETS, EVENTS_PER_SECOND)

console.log(`Bucket ${BUCKET}, ${TARGETS.length} topics, ${EVENTS_PER_SECOND} events a second until Ctrl-C.`)
console.log(`In another terminal: kubectl apply -f ${relative('.', paths.sample)} && kubectl get ac -w`)
while (!interrupted.signal.aborted) {
  await delay(5000, undefined, { signal: interrupted.signal }).catch(() => {})
  console.log(`${producer.acknowledged.size} events produced`)
}
await producer.disconnect()
