/** One connector with which nothing goes on, and another one that must not notice. */
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { CONNECTORS } from '../../../src/kube/kinds.ts'
import { eventually } from '../../support/eventually.ts'
import { hangingWebhook } from '../../support/hanging-webhook.ts'
import { countPartitions } from '../../support/manifests.ts'
import type { Person } from './life.ts'
import { type Lives, SILENT } from './lives.ts'

const FREE = 'free'
const STUCK = 'stuck'
/** Shorter than the API server waits for a webhook: whoever waits for it too is late. */
const BEFORE_TIMEOUT_MS = 25_000
/** A webhook takes effect when the API server has heard of it. */
const WEBHOOK_HEARD_MS = 2_000

export async function behindHangingWebhook(lives: Lives): Promise<void> {
  await lives.live(
    async ({ person, start }) => {
      // With one worker for what fails again and one for the rest, whoever waits for another would show.
      await start({ config: { concurrency: 2 } })
      await person.wants(STUCK, {})
      await person.wants(FREE, {})
      const webhook = await hangingWebhook(lives.stack, person.namespace, STUCK)
      try {
        await delay(WEBHOOK_HEARD_MS)
        const generation = await person.asks(STUCK, { config: { flushSize: 7 } })
        await webhook.asked
        await person.live(undefined, FREE)
        await eventually(60_000, async () => expect(await stalledMessage(person)).toContain(webhook.name))
        await webhook.remove()
        await person.ready(STUCK, generation)
      } finally {
        await webhook.remove()
      }
      return undefined
    },
    { withinMs: BEFORE_TIMEOUT_MS },
  )
}

/** More pods than the operator asks at the same time (32) take its connection and never answer. */
export async function besideSilentPods(lives: Lives): Promise<void> {
  await lives.live(
    async ({ person, start }) => {
      await start()
      await person.asks(SILENT, { replicas: 40 })
      // Of pods that say nothing only one would be started.
      await countPartitions(lives.stack, { name: SILENT, namespace: person.namespace, topicPartitions: 40 })
      await eventually(60_000, async () => expect(await reasonOf(person, SILENT)).toBe('PodUnreachable'))
      await person.live(undefined, FREE)
      // So that nothing is left to say when an operator looks that knows nothing.
      await person.wants(SILENT, { active: false })
      return undefined
    },
    { withinMs: 30_000 },
  )
}

async function stalledMessage(person: Person): Promise<string | undefined> {
  return (await conditionOf(person, STUCK, 'Stalled'))?.message
}

async function reasonOf(person: Person, name: string): Promise<string | undefined> {
  return (await conditionOf(person, name, 'Ready'))?.reason
}

async function conditionOf({ api, namespace }: Person, name: string, type: string) {
  const { status } = (await api.get(CONNECTORS, { namespace, name })) ?? {}
  return status?.conditions?.find((condition) => condition.type === type)
}
