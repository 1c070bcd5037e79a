import { join } from 'node:path'
import { Random } from '../simulate/random.ts'
import { Bucket } from '../support/bucket.ts'
import { storeRevision } from '../support/sink-child.ts'
import { configurations, type Surroundings } from './configurations.ts'
import { Member } from './member.ts'
import { LANES, range } from './servers.ts'
import type { Tally } from './tally.ts'

export const REPLICAS = 3

/** What is other about the sinks of a connector than as they are built. */
export interface Variant {
  /** One of the simulation's broken designs; undefined: ours. */
  readonly design?: string
  /** Larger objects go up in parts; undefined: those above 64 MiB, which is none here. */
  readonly largestPutBytes?: number
}

export interface ConnectorOptions extends Surroundings, Variant {
  readonly seed: number
  readonly tally: Tally
  readonly logDir: string
}

export const AS_BUILT: Variant = {}
/** Most of the objects, in one part; those with large events in two. */
export const IN_PARTS: Variant = { largestPutBytes: 8_192 }

const ALTERED_SINK = join(import.meta.dirname, 'altered-sink.ts')

/** A connector without its operator: sinks that share a consumer group, and a bucket. */
export class Connector {
  readonly name: string
  /** On purpose. */
  readonly isBroken: boolean
  readonly bucket: Bucket
  readonly members: readonly Member[]
  /** By lane, then by configuration. */
  readonly #revisions: readonly (readonly string[])[]
  #configuration = 0

  private constructor(options: ConnectorOptions, revisions: readonly (readonly string[])[]) {
    const { name, servers, seed, tally, logDir, design, largestPutBytes } = options
    const isAltered = design !== undefined || largestPutBytes !== undefined
    this.name = name
    this.isBroken = design !== undefined
    this.bucket = new Bucket(servers.s3, name)
    this.#revisions = revisions
    const env = {
      AWS_ACCESS_KEY_ID: servers.s3.accessKeyId,
      AWS_SECRET_ACCESS_KEY: servers.s3.secretAccessKey,
      ...compileCache(servers.dir),
      ...(design === undefined ? {} : { BROKEN_DESIGN: design }),
      ...(largestPutBytes === undefined ? {} : { LARGEST_PUT_BYTES: String(largestPutBytes) }),
    }
    this.members = range(LANES).map(
      (lane) =>
        new Member({
          name: `${name} sink ${lane}`,
          revision: () => this.#revisions[lane]?.[this.#configuration] ?? '',
          revisionsDir: join(servers.dir, 'revisions'),
          env,
          program: isAltered ? ALTERED_SINK : undefined,
          random: new Random(seed + lane),
          tally,
          logPath: join(logDir, `${name}-${lane}.log`),
        }),
    )
  }

  static async create(options: ConnectorOptions): Promise<Connector> {
    const dir = join(options.servers.dir, 'revisions')
    const store = (lane: number) =>
      Promise.all(configurations(options, lane).map((config) => storeRevision(dir, config)))
    const connector = new Connector(options, await Promise.all(range(LANES).map(store)))
    await connector.bucket.create()
    return connector
  }

  get running(): readonly Member[] {
    return this.members.filter(({ isRunning }) => isRunning)
  }

  /** When one of its sinks got partitions last, milliseconds since the epoch. */
  get assignedAtMs(): number {
    return Math.max(...this.members.map(({ assignedAtMs }) => assignedAtMs))
  }

  /** Names of objects of which a sink has told that an upload may be left. */
  get uploadsTold(): ReadonlySet<string> {
    return new Set(this.members.flatMap(({ uploadsTold }) => uploadsTold))
  }

  get anomalies(): string[] {
    return this.members.flatMap(({ anomalies }) => anomalies)
  }

  /** Sinks that are one too many are told to end; those that are missing are started. */
  scale(replicas: number): void {
    for (const [i, member] of this.members.entries()) member.want(i < replicas)
  }

  /** What is started from now on has another configuration. */
  edit(random: Random): void {
    this.#configuration = random.int(0, (this.#revisions[0]?.length ?? 1) - 1)
  }

  /** The configuration that selects all that must be delivered, and every sink is there. */
  async settle(): Promise<void> {
    this.#configuration = 0
    this.scale(REPLICAS)
    await Promise.all(this.running.map((member) => member.restart()))
  }

  /** Every sink is told to finish; resolves when they have. */
  async end(): Promise<void> {
    this.scale(0)
    await Promise.all(this.members.map((member) => member.ended()))
  }
}

/** A sink that is killed leaves none behind, so `warmUp` does: half of a start's processor time is compiling. */
export function compileCache(dir: string) {
  return { NODE_COMPILE_CACHE: join(dir, 'compiled') }
}
