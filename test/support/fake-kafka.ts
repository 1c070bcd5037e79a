import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { APIS, type Api, type Request, readRequest } from './fake-kafka-requests.ts'
import { block, bytes, list, WireReader } from './wire.ts'

const TOPIC_AUTHORIZATION_FAILED = 29
/** Of Metadata those with topic ids are not offered: this broker does not know their encoding. */
const newestOf = (key: string) => (key === '3' ? 9 : 20)

/** What becomes of a request: an error code, no answer at all, or the connection is cut. The code 0 is the normal answer. */
type Fate = number | 'silence' | 'cut'

/**
 * One broker that speaks just enough of the protocol for one group member, to do what a real one does rarely: lose
 * answers, refuse, move. Topics are empty logs. It leads every partition and coordinates every group.
 */
export class FakeKafka {
  readonly requests: Request[] = []
  readonly topics = new Map<string, number>()
  /** Topics that the client may not use. */
  readonly forbidden = new Set<string>()
  readonly committed = new Map<string, { offset: bigint; leaderEpoch: number; metadata: string }>()
  /** What becomes of the next requests of an API; when used up, each gets its normal answer. */
  readonly fates = new Map<Api, Fate[]>()
  /** Set: every JoinGroup gives this generation; else each gives the next one. */
  stuckGeneration: number | null = null
  /** Another member of the group, as JoinGroup shows it to the leader, which is the one that joins. */
  other: { readonly memberId: string; readonly memberData: Buffer } | null = null
  #generation = 0
  #members = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #silent = new WeakSet<Socket>()

  private constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {})
      this.#serve(socket)
    })
  }

  static async start(topics: Record<string, number>, port = 0): Promise<FakeKafka> {
    const server = createServer()
    const kafka = new FakeKafka(server)
    for (const [topic, partitions] of Object.entries(topics)) kafka.topics.set(topic, partitions)
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return kafka
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  next(api: Api, ...fates: Fate[]): void {
    this.fates.set(api, [...(this.fates.get(api) ?? []), ...fates])
  }

  sent(api: Api): Request[] {
    return this.requests.filter((request) => request.api === api)
  }

  async stop(): Promise<void> {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await once(this.#server, 'close')
  }

  #serve(socket: Socket): void {
    let buffered = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      // As with a real broker, nothing is answered on a connection while an earlier request is not.
      if (this.#silent.has(socket)) return
      buffered = Buffer.concat([buffered, chunk])
      while (buffered.length >= 4 && buffered.length >= 4 + buffered.readInt32BE(0)) {
        const end = 4 + buffered.readInt32BE(0)
        this.#handle(socket, new WireReader(buffered.subarray(4, end)))
        buffered = buffered.subarray(end)
      }
    })
  }

  #handle(socket: Socket, reader: WireReader): void {
    const api = APIS[reader.int16() as keyof typeof APIS]
    reader.int16()
    const correlationId = reader.int32()
    reader.string()
    const request = readRequest(api, reader)
    this.requests.push(request)
    const fate = this.fates.get(api)?.shift() ?? 0
    if (fate === 'cut') socket.destroy()
    if (fate === 'silence') this.#silent.add(socket)
    if (typeof fate !== 'number') return
    const send = () => socket.destroyed || socket.write(block(bytes([32, correlationId], this.#answer(request, fate))))
    if (api === 'Fetch') setTimeout(send, 20)
    else send()
  }

  #answer(request: Request, code: number): Buffer {
    const throttle = [32, 0] as const
    switch (request.api) {
      case 'ApiVersions':
        return bytes(
          [16, code],
          list(Object.keys(APIS), (key) => bytes([16, Number(key)], [16, 0], [16, newestOf(key)])),
          throttle,
        )
      case 'Metadata':
        return this.#metadata(code)
      case 'FindCoordinator':
        return bytes(throttle, [16, code], null, [32, 1], '127.0.0.1', [32, this.port])
      case 'JoinGroup':
        return this.#join(request, code)
      case 'SyncGroup': {
        const assignment = code === 0 ? request.assignments?.get(request.memberId ?? '') : undefined
        return bytes(throttle, [16, code], block(assignment ?? Buffer.alloc(0)))
      }
      case 'LeaveGroup':
        return bytes(throttle, [16, code], [32, 0])
      case 'Heartbeat':
        return bytes(throttle, [16, code])
      case 'OffsetCommit':
        return this.#commit(request, code)
      case 'OffsetFetch':
        return bytes(
          throttle,
          list([...this.topics], ([topic, n]) =>
            this.#committedIn(topic, n, this.forbidden.has(topic) ? TOPIC_AUTHORIZATION_FAILED : code),
          ),
          [16, 0],
        )
      case 'ListOffsets':
        return bytes(
          throttle,
          [32, 1],
          request.partition?.split('-')[0] ?? '',
          [32, 1],
          [32, 0],
          [16, code],
          [64, -1],
          [64, 0],
        )
      case 'Fetch':
        return bytes(throttle, [16, 0], [32, 0], [32, 0])
    }
  }

  #metadata(code: number): Buffer {
    const partition = (p: number) => bytes([16, 0], [32, p], [32, 1], [32, 0], [32, 0], [32, 0])
    return bytes(
      [32, 0],
      list([1], (id) => bytes([32, id], '127.0.0.1', [32, this.port], null)),
      'fake-cluster',
      [32, 1],
      list([...this.topics], ([topic, n]) =>
        bytes(
          [16, this.forbidden.has(topic) ? TOPIC_AUTHORIZATION_FAILED : code],
          topic,
          Buffer.from([0]),
          list(
            Array.from({ length: this.forbidden.has(topic) ? 0 : n }, (_, p) => p),
            partition,
          ),
        ),
      ),
    )
  }

  #join({ memberId = '', memberData = Buffer.alloc(0) }: Request, code: number): Buffer {
    const MEMBER_ID_REQUIRED = 79
    const id = memberId || `member-${++this.#members}`
    const answer = code === 0 && memberId === '' ? MEMBER_ID_REQUIRED : code
    if (answer === 0) this.#generation = this.stuckGeneration ?? this.#generation + 1
    const joining = { memberId: id, memberData }
    const members = answer === 0 ? [joining, ...(this.other ? [this.other] : [])] : []
    return bytes(
      [32, 0],
      [16, answer],
      [32, this.#generation],
      'analytics-connector',
      id,
      id,
      list(members, (member) => bytes(member.memberId, null, block(member.memberData))),
    )
  }

  /** A code that is not zero is that of the first partition only. */
  #commit({ commits = [] }: Request, code: number): Buffer {
    const codes = commits.map((_, i) => (i === 0 ? code : 0))
    commits.forEach(({ partition, ...commit }, i) => {
      if (codes[i] === 0) this.committed.set(partition, commit)
    })
    return bytes(
      [32, 0],
      list([...commits.entries()], ([i, { partition }]) => {
        const [topic = '', index] = partition.split('-')
        return bytes(topic, [32, 1], [32, Number(index)], [16, codes[i] ?? 0])
      }),
    )
  }

  #committedIn(topic: string, partitions: number, code: number): Buffer {
    return bytes(
      topic,
      list(
        Array.from({ length: partitions }, (_, p) => p),
        (p) => {
          const none = { offset: -1n, leaderEpoch: -1, metadata: '' }
          const { offset, leaderEpoch, metadata } = this.committed.get(`${topic}-${p}`) ?? none
          return bytes([32, p], [64, offset], [32, leaderEpoch], metadata, [16, code])
        },
      ),
    )
  }
}
