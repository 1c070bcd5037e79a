import pino from 'pino'
import { sleep, systemClock } from '../../src/lib/clock.ts'
import { BrokerConnection, parseAddress } from '../../src/sink/kafka/broker-connection.ts'
import { findCoordinatorCall } from '../../src/sink/kafka/protocol.ts'
import { Random } from '../simulate/random.ts'
import type { Broker } from '../stack/native/kafka-server.ts'
import { Deck } from './deck.ts'
import type { LinkState, NetworkLink } from './network-link.ts'
import { USUAL_SLOWNESS_MS } from './s3-proxy.ts'
import type { FaultyServers } from './servers.ts'
import type { Tally } from './tally.ts'

interface Scene {
  readonly servers: FaultyServers
  readonly random: Random
  readonly tally: Tally
  readonly groupIds: readonly string[]
  /** Aborts when it is time for everything to get well. */
  readonly over: AbortSignal
}

interface Trouble {
  /** From one fault to the next. */
  readonly gapMs: { readonly least: number; readonly most: number }
  readonly faults: readonly ((scene: Scene) => Promise<void>)[]
}

const MOST_STARTS = 5
/** Share of requests to S3 that meet a mishap: always, and in a storm. */
const MISHAPS = { usual: 0.05, storm: 0.5 }
const MOST_SLOW_MS = 10_000

async function restartBroker({ server }: Broker, signal: NodeJS.Signals, { random, over }: Scene): Promise<void> {
  await server.stop(signal)
  await sleep(systemClock, random.int(0, 3_000), over)
  await startAgain(server)
}

/** A busy machine may need more than the minute that a server has for its start. */
async function startAgain(server: Broker['server']): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await server.start()
    } catch (error) {
      if (attempt === MOST_STARTS) throw error
      await server.stop('SIGKILL')
    }
  }
}

async function killBroker(scene: Scene): Promise<void> {
  scene.tally.add('kill -9 of a broker')
  await restartBroker(scene.random.pick(scene.servers.brokers), 'SIGKILL', scene)
}

async function moveCoordinator(scene: Scene): Promise<void> {
  scene.tally.add('kill -9 of the broker that coordinates a group')
  await restartBroker(await coordinatorOf(scene.random.pick(scene.groupIds), scene.servers), 'SIGKILL', scene)
}

async function endBroker(scene: Scene): Promise<void> {
  scene.tally.add('restart of a broker (SIGTERM)')
  await restartBroker(scene.random.pick(scene.servers.brokers), 'SIGTERM', scene)
}

async function coordinatorOf(groupId: string, { brokers }: FaultyServers): Promise<Broker> {
  for (const broker of brokers) {
    try {
      const settings = { clientId: 'faults', connectTimeoutMs: 1_000, requestTimeoutMs: 1_000 }
      const address = parseAddress(broker.bootstrapServers)
      const connection = await BrokerConnection.open(address, { ...settings, logger: pino({ level: 'silent' }) })
      const { coordinator } = await connection.send(findCoordinatorCall(groupId))
      connection.close()
      const found = brokers.find(({ bootstrapServers }) => bootstrapServers.endsWith(`:${coordinator.port}`))
      if (found) return found
    } catch {
      // Another one may know.
    }
  }
  return brokers[0] as Broker
}

async function disturb({ over }: Scene, links: readonly NetworkLink[], state: LinkState, forMs: number): Promise<void> {
  for (const link of links) link.become(state)
  await sleep(systemClock, forMs, over)
  for (const link of links) link.become('open')
}

const laneOf = ({ servers, random }: Scene) => random.pick(servers.links)

async function cutLane(scene: Scene): Promise<void> {
  scene.tally.add('network cut between a sink and all brokers')
  await disturb(scene, laneOf(scene), 'cut', scene.random.int(100, 5_000))
}

async function cutLink(scene: Scene): Promise<void> {
  scene.tally.add('network cut between a sink and one broker')
  await disturb(scene, [scene.random.pick(laneOf(scene))], 'cut', scene.random.int(100, 5_000))
}

/** Longer than a session, and now and then longer than a request waits. */
async function silenceLane(scene: Scene): Promise<void> {
  scene.tally.add('network silent between a sink and all brokers, then all of it arrives')
  await disturb(scene, laneOf(scene), 'silent', 300 + 14_000 * scene.random.next() ** 2)
}

async function silenceLink(scene: Scene): Promise<void> {
  scene.tally.add('network silent between a sink and one broker, then all of it arrives')
  await disturb(scene, [scene.random.pick(laneOf(scene))], 'silent', 300 + 14_000 * scene.random.next() ** 2)
}

async function s3Down({ servers, random, tally, over }: Scene): Promise<void> {
  tally.add('S3 cut off')
  servers.s3Proxy.isDown = true
  await sleep(systemClock, random.int(300, 5_000), over)
  servers.s3Proxy.isDown = false
}

async function s3Storm({ servers, random, tally, over }: Scene): Promise<void> {
  tally.add('S3 erring in half of its answers')
  servers.s3Proxy.mishapRate = MISHAPS.storm
  await sleep(systemClock, random.int(1_000, 6_000), over)
  servers.s3Proxy.mishapRate = MISHAPS.usual
}

/** For longer than a killed sink is missed and its partitions are given to others. */
async function s3Slow({ servers, random, tally, over }: Scene): Promise<void> {
  tally.add('S3 slow: up to ten seconds a request')
  servers.s3Proxy.mostSlowMs = MOST_SLOW_MS
  await sleep(systemClock, random.int(2_000, 8_000), over)
  servers.s3Proxy.mostSlowMs = USUAL_SLOWNESS_MS
}

/** One broker is away at a time, of three; the network and S3 have faults of their own meanwhile. */
const TROUBLES: readonly Trouble[] = [
  { gapMs: { least: 4_000, most: 25_000 }, faults: [killBroker, moveCoordinator, moveCoordinator, endBroker] },
  { gapMs: { least: 500, most: 5_000 }, faults: [cutLane, cutLink, silenceLane, silenceLink] },
  { gapMs: { least: 500, most: 6_000 }, faults: [s3Down, s3Storm, s3Storm, s3Slow] },
]

/** Troubles the servers until `over`; resolves when they are all well again. */
export async function troubleServers(scene: Omit<Scene, 'random'>, seed: number): Promise<void> {
  scene.servers.s3Proxy.mishapRate = MISHAPS.usual
  await Promise.all(TROUBLES.map((trouble, i) => happen(trouble, { ...scene, random: new Random(seed + i) })))
  scene.servers.s3Proxy.mishapRate = 0
}

async function happen({ gapMs, faults }: Trouble, scene: Scene): Promise<void> {
  const { random, over } = scene
  const deck = new Deck(random, faults)
  for (;;) {
    await sleep(systemClock, random.int(gapMs.least, gapMs.most), over)
    if (over.aborted) return
    await deck.deal()(scene)
  }
}
