import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../stack/native/free-ports.ts'
import { guardFolder } from '../stack/native/guard.ts'
import { type Broker, createBroker, installKafka } from '../stack/native/kafka-server.ts'
import { versitygwBinary } from '../stack/native/s3-build.ts'
import { createS3Server } from '../stack/native/s3-server.ts'
import type { ServerControl, StackAddresses } from '../stack/stack.ts'
import { NetworkLink } from './network-link.ts'
import { S3Proxy } from './s3-proxy.ts'

const BROKERS = 3
/** Ways into Kafka that can be cut one by one: the sinks of a connector take one each. */
export const LANES = 4
/** So short that a run has time for many kills; Kafka's own least is 6 s. */
export const SESSION_SECONDS = 2

/** Three brokers with every record on all of them, and an S3 server; the sinks reach them only by proxies. */
export interface FaultyServers {
  /** Without a proxy. */
  readonly bootstrapServers: string
  readonly s3: StackAddresses['s3']
  readonly s3Proxy: S3Proxy
  readonly brokers: readonly Broker[]
  /** By lane, then by broker. */
  readonly links: readonly (readonly NetworkLink[])[]
  /** A folder of this run's own. */
  readonly dir: string
  stop(): Promise<void>
}

export async function startFaultyServers(seed: number, progress: (line: string) => void): Promise<FaultyServers> {
  const [kafka, versitygw] = await Promise.all([installKafka({ progress }), versitygwBinary({ progress })])
  const dir = await mkdtemp(join(tmpdir(), 'faults-'))
  guardFolder(dir)
  const root = { accessKeyId: 'faults-root', secretAccessKey: randomBytes(18).toString('base64url') }
  const s3 = await createS3Server(versitygw, join(dir, 's3'), root, progress)
  const ports = await freePorts(BROKERS * LANES)
  const links = await Promise.all(
    range(LANES).map((lane) => Promise.all(range(BROKERS).map((i) => NetworkLink.to(ports[lane * BROKERS + i] ?? 0)))),
  )
  const controllerPorts = await freePorts(BROKERS)
  const brokers = await Promise.all(
    range(BROKERS).map((i) => {
      const portsOf = (port: (lane: number) => number | undefined) =>
        Object.fromEntries(range(LANES).map((lane) => [`LANE${lane}`, port(lane) ?? 0]))
      return createBroker(kafka, join(dir, `kafka-${i + 1}`), progress, {
        settings: SETTINGS,
        listeners: portsOf((lane) => ports[lane * BROKERS + i]),
        advertised: portsOf((lane) => links[lane]?.[i]?.port),
        node: { id: i + 1, controllerPorts },
      })
    }),
  )
  await Promise.all([s3.server, ...brokers.map(({ server }) => server)].map((server: ServerControl) => server.start()))
  const s3Proxy = await S3Proxy.to(s3.endpoint, { seed })
  return {
    bootstrapServers: brokers.map(({ bootstrapServers }) => bootstrapServers).join(),
    s3: { endpoint: s3.endpoint, region: 'us-east-1', ...root },
    s3Proxy,
    brokers,
    links,
    dir,
    stop: async () => {
      s3Proxy.close()
      for (const link of links.flat()) link.close()
      await Promise.all([s3.server, ...brokers.map(({ server }) => server)].map((server) => server.stop('SIGKILL')))
      await rm(dir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

const SETTINGS = {
  'listener.security.protocol.map': [
    'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    ...range(LANES).map((lane) => `LANE${lane}:PLAINTEXT`),
  ].join(),
  'num.network.threads': 1,
  'default.replication.factor': BROKERS,
  'min.insync.replicas': BROKERS - 1,
  'offsets.topic.replication.factor': BROKERS,
  'group.min.session.timeout.ms': SESSION_SECONDS * 1000,
}

export function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i)
}
