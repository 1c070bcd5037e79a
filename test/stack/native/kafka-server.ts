import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isKafkaReady } from '../kafka-ready.ts'
import { type CacheOptions, cached } from './cache.ts'
import { freePorts } from './free-ports.ts'
import { classPath, kafkaJars, kafkaVersion } from './kafka-jars.ts'
import { runCommand } from './run-command.ts'
import { ServerProcess } from './server-process.ts'
import { findJava, javaBuild } from './toolchain.ts'

/** Apache Kafka as it is on disk, ready to be started. */
export interface KafkaInstallation {
  readonly java: string
  readonly classPath: string
  readonly log4jPath: string
  /** Takes a class data archive, which makes the broker start in a third of the time; not every Java runtime can make one. */
  readonly archiveFlag: string
}

export interface Broker {
  readonly server: ServerProcess
  readonly bootstrapServers: string
}

const loopback = '127.0.0.1'
const archiveName = 'kafka.jsa'
/** Any 16 bytes in base64; no broker here meets one of another cluster. */
const clusterId = 'MkU3OEVBNTcwNTJENDM2Qk'
/** Small, quick to start, and without parallel collectors: it shares two cores with everything else. */
const javaFlags = ['-Xms128m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']

/** Fetches Kafka and, with it, makes the class data archive for the Java runtime that is found. */
export async function installKafka(options: CacheOptions): Promise<KafkaInstallation> {
  const [folder, java] = await Promise.all([kafkaJars(options), findJava(options)])
  const plain = { java, classPath: await classPath(folder), log4jPath: join(folder, 'log4j2.properties') }
  const inputs = [plain.classPath, await javaBuild(java), ...javaFlags]
  const build = (dir: string) => makeArchive(plain, dir, options)
  const archive = join(await cached({ name: 'kafka-cds', version: kafkaVersion, inputs, build }, options), archiveName)
  return { ...plain, archiveFlag: existsSync(archive) ? `-XX:SharedArchiveFile=${archive}` : '-Xshare:auto' }
}

/** What a broker has beside its plain listener. */
export interface BrokerExtras {
  /** Settings that are added to ours, or go before them. */
  readonly settings?: Readonly<Record<string, string | number>>
  /** Listeners by name (without protocol), with their ports. */
  readonly listeners?: Readonly<Record<string, number>>
  /** Where clients are told to reach a listener, where that is not its own port: a proxy's port, by the listener's name. */
  readonly advertised?: Readonly<Record<string, number>>
  /** Arguments of `kafka-storage format`, such as SCRAM users. */
  readonly format?: readonly string[]
  /** The address that it listens at and tells to clients; default: 127.0.0.1. */
  readonly host?: string
  /** Which one of several brokers of a cluster it is. Absent: it is a cluster of its own. */
  readonly node?: ClusterNode
}

export interface ClusterNode {
  /** From 1 on. */
  readonly id: number
  /** Of all brokers of the cluster, in the order of their ids: each is a controller too. */
  readonly controllerPorts: readonly number[]
}

/** Prepares a broker (which is its own controller) with data, settings and log under `dir`; it is not started yet. */
export async function createBroker(
  kafka: KafkaInstallation,
  dir: string,
  onUnexpectedExit: (line: string) => void,
  extras: BrokerExtras = {},
): Promise<Broker> {
  const [port = 0, ownControllerPort = 0] = await freePorts(2)
  const node = extras.node ?? { id: 1, controllerPorts: [ownControllerPort] }
  const settings = join(dir, 'server.properties')
  await mkdir(dir, { recursive: true })
  await writeFile(settings, properties(port, node, join(dir, 'data'), extras))
  const java = (...flags: string[]) => [
    ...javaFlags,
    ...flags,
    `-Dlog4j2.configurationFile=file:${kafka.log4jPath}`,
    ...['-cp', kafka.classPath],
  ]
  const format = ['kafka.tools.StorageTool', 'format', '--cluster-id', clusterId, '--config', settings]
  await runCommand(kafka.java, [...java(), ...format, ...(extras.format ?? [])])
  const bootstrapServers = `${extras.host ?? loopback}:${port}`
  const server = new ServerProcess({
    name: 'kafka',
    command: kafka.java,
    args: [...java(kafka.archiveFlag), 'kafka.Kafka', settings],
    cwd: dir,
    logPath: join(dir, 'kafka.log'),
    isReady: () => isKafkaReady(bootstrapServers),
    onUnexpectedExit,
  })
  return { server, bootstrapServers }
}

/** Runs a broker once and has Java write down the classes it loaded. */
async function makeArchive(kafka: Omit<KafkaInstallation, 'archiveFlag'>, dir: string, options: CacheOptions) {
  options.progress(`Kafka ${kafkaVersion}: preparing a quick start`)
  const run = join(dir, 'run')
  const archiveFlag = `-XX:ArchiveClassesAtExit=${join(dir, archiveName)}`
  try {
    const { server } = await createBroker({ ...kafka, archiveFlag }, run, options.progress)
    await server.start()
    await server.stop()
  } catch (error) {
    options.progress(`Kafka starts without a class data archive: ${(error as Error).message}`)
  }
  await rm(run, { recursive: true, force: true })
}

/** See https://kafka.apache.org/documentation/#brokerconfigs; the times are short because nobody is far away. */
function properties(
  port: number,
  { id, controllerPorts }: ClusterNode,
  dataDir: string,
  { listeners = {}, advertised, settings: extraSettings, host = loopback }: BrokerExtras,
): string {
  const others = (ports: Readonly<Record<string, number>>) =>
    Object.entries(ports)
      .map(([name, port]) => `,${name}://${host}:${port}`)
      .join('')
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': id,
    'controller.quorum.voters': controllerPorts.map((port, i) => `${i + 1}@127.0.0.1:${port}`).join(),
    listeners: `PLAINTEXT://${host}:${port},CONTROLLER://127.0.0.1:${controllerPorts[id - 1]}${others(listeners)}`,
    'advertised.listeners': `PLAINTEXT://${host}:${port}${others({ ...listeners, ...advertised })}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': dataDir,
    'default.replication.factor': 1,
    'min.insync.replicas': 1,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 5,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 5,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'auto.create.topics.enable': false,
    'num.network.threads': 2,
    'num.io.threads': 2,
    'log.cleaner.dedupe.buffer.size': 4_194_304,
    'log.segment.bytes': 67_108_864,
    'log.cleaner.backoff.ms': 500,
    'controller.quorum.election.timeout.ms': 500,
    'controller.quorum.fetch.timeout.ms': 1_000,
    'broker.heartbeat.interval.ms': 500,
    'broker.session.timeout.ms': 3_000,
    ...extraSettings,
  }
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
