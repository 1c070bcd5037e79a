/** Follows docs/rest-api.md as its reader does: every command of the page, in a shell, against the installed REST API. */

import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { PLURAL } from '../../src/contract/names.ts'
import { PROGRAM } from '../repository.ts'
import { connectStack } from '../stack/remote.ts'
import { Bucket } from '../support/bucket.ts'
import { eventually } from '../support/eventually.ts'
import type { ForwardedPort } from '../support/forward-port.ts'
import { createTopics, EventProducer, gameTopic } from '../support/game-events.ts'
import { type GuideStep, guideSteps, shapeOf } from '../support/guide.ts'
import { installAdmin, reachAdmin } from '../support/install-admin.ts'
import { installOperator, OPERATOR_NAMESPACE } from '../support/install-operator.ts'
import { apply, kubectl, stackEnvironment } from '../support/kubectl.ts'
import { s3CredentialsSecret } from '../support/manifests.ts'
import { Shell } from '../support/shell.ts'

const stack = connectStack(inject('stack'))
/** The event namespace that the page calls acme; the bucket and the connector are named after it too. */
const game = `guide-${randomBytes(4).toString('hex')}`
const bucket = new Bucket(stack.s3, `${game}-events`)
const producer = new EventProducer(stack.kafkaBootstrapServers)
const inNamespace = (...args: string[]) => kubectl(stack, [...args, '-n', OPERATOR_NAMESPACE])
let folder: string
let admin: ForwardedPort
let shell: Shell

beforeAll(async () => {
  await installOperator(stack, () => {})
  await installAdmin(stack)
  await apply(stack, s3CredentialsSecret(stack, 'guide-s3', OPERATOR_NAMESPACE))
  await bucket.create()
  await createTopics(stack.kafkaBootstrapServers, [gameTopic(game, 'gameStarted')])
  await producer.connect()
  producer.startStream([{ namespace: game, eventName: 'gameStarted' }], 50)
  admin = await reachAdmin(stack)
  folder = await mkdtemp(join(tmpdir(), 'guide-'))
  const program = join(folder, 'analytics-connector')
  await writeFile(program, `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`)
  await chmod(program, 0o755)
  const environment = stackEnvironment(stack)
  shell = new Shell(folder, { ...environment, PATH: `${folder}:${environment.PATH}`, API: admin.url })
})

afterAll(async () => {
  await shell?.close()
  await admin?.close()
  await producer.disconnect()
  await inNamespace('delete', PLURAL, '--all', '--wait=false')
  await rm(folder, { recursive: true })
})

/** The page's text for these servers: names of this run, and S3 where it is here. */
function local(text: string): string {
  const here = {
    region: stack.s3.region,
    endpoint: stack.inPod.s3Endpoint,
    forcePathStyle: 'true',
    credentialsSecretRef: { name: 'guide-s3' },
  }
  return text
    .replaceAll('acme', game)
    .replaceAll('game-events', `${game}-connector`)
    .replace('"region": "us-west-2"', JSON.stringify(here).slice(1, -1))
}

/** What is to be true when the commands of a section have been run, beside what they print. */
const truths: Readonly<Record<string, (printed: string) => Promise<void>>> = {
  '4. The bucket': async (printed) => {
    expect(JSON.parse(printed).path).toMatch(/^[^/]+\/[^/]+\/\d{4}-\d\d-\d\d\/.*\.json$/)
  },
  '5. Create': async (printed) => {
    const { connectorName, active } = JSON.parse(printed)
    expect([active, connectorName]).toEqual([false, expect.stringMatching(new RegExp(`^${game}-connector-\\d{6}$`))])
    await eventually(20_000, async () => expect(await inNamespace('get', 'ac', connectorName)).toContain('INACTIVE'))
  },
  '6. Activate': async () => {
    await eventually(30_000, async () => expect(await bucket.count()).toBeGreaterThan(0))
  },
  '7. List, edit': async (printed) => {
    expect(JSON.parse(printed).config).toMatchObject({
      flushSize: '100',
      customPath: expect.stringMatching(/^by-event/),
    })
    await eventually(40_000, async () => expect(await bucket.objects('by-event/')).not.toEqual([]))
  },
  '8. Pause, resume': async () => {
    await producer.stopStream()
    await eventually(40_000, () => bucket.expectExactly(producer.acknowledged))
  },
  '9. Delete': async (printed) => {
    expect(printed).toContain('"errorCode":20001')
    await eventually(30_000, async () => expect(await inNamespace('get', `${PLURAL},deployments`)).not.toContain(game))
  },
}

const steps = guideSteps('rest-api.md')
const isLast = ({ section }: GuideStep, i: number) => steps[i + 1]?.section !== section

test('the page has steps, and says of one only that it is done elsewhere', () => {
  expect(steps.length).toBeGreaterThan(12)
  expect(steps.filter(({ isElsewhere }) => isElsewhere)).toHaveLength(1)
  const sections = new Set(steps.map(({ section }) => section))
  expect(Object.keys(truths).filter((section) => !sections.has(section))).toEqual([])
})

test('every command of the page does what the page says', { timeout: 600_000 }, async () => {
  for (const [i, step] of steps.entries()) {
    if (step.isElsewhere) continue
    const printed = await shell.run(local(step.commands), 90_000)
    const isRefused = step.section === '9. Delete' && isLast(step, i)
    if (!isRefused) expect(printed).not.toMatch(/"errorCode"|"error_description"/)
    if (step.reply !== undefined) {
      const reply = shapeOf(JSON.parse(printed))
      const wanted = shapeOf(JSON.parse(local(JSON.stringify(step.reply))))
      // Other tests have topics of their own.
      if (step.section === '3. Topics') expect(reply).toMatchObject(wanted as object)
      else expect(reply).toEqual(wanted)
    }
    if (isLast(step, i)) await truths[step.section]?.(printed)
  }
})
