import { WireReader } from './wire.ts'

/** By their numbers in the protocol. */
export const APIS = {
  1: 'Fetch',
  2: 'ListOffsets',
  3: 'Metadata',
  8: 'OffsetCommit',
  9: 'OffsetFetch',
  10: 'FindCoordinator',
  11: 'JoinGroup',
  12: 'Heartbeat',
  13: 'LeaveGroup',
  14: 'SyncGroup',
  18: 'ApiVersions',
} as const
export type Api = (typeof APIS)[keyof typeof APIS]

export interface Request {
  readonly api: Api
  readonly groupId?: string
  readonly memberId?: string
  readonly generationId?: number
  readonly partition?: string
  readonly commits?: readonly { partition: string; offset: bigint; leaderEpoch: number; metadata: string }[]
  readonly topics?: readonly string[]
  /** What a member says of itself, as it is sent. */
  readonly memberData?: Buffer
  readonly assignments?: ReadonlyMap<string, Buffer>
}

/** What a test looks at of a request, whose header is read already. */
export function readRequest(api: Api, reader: WireReader): Request {
  switch (api) {
    case 'JoinGroup': {
      const groupId = reader.string()
      reader.int32()
      reader.int32()
      const memberId = reader.string()
      reader.string()
      reader.string()
      const [memberData = Buffer.alloc(0)] = reader.list(() => {
        reader.string()
        return reader.block()
      })
      const metadata = new WireReader(memberData)
      metadata.int16()
      return { api, groupId, memberId, memberData, topics: metadata.list(() => metadata.string()) }
    }
    case 'SyncGroup': {
      const identity = readIdentity(reader)
      reader.string()
      const assignments = new Map(reader.list(() => [reader.string(), reader.block()] as const))
      return { api, ...identity, assignments }
    }
    case 'Heartbeat':
      return { api, ...readIdentity(reader) }
    case 'LeaveGroup': {
      const groupId = reader.string()
      const [memberId = ''] = reader.list(() => reader.string())
      return { api, groupId, memberId }
    }
    case 'OffsetCommit': {
      const identity = readIdentity(reader)
      const commits = reader.list(() => {
        const topic = reader.string()
        return reader.list(() => ({
          partition: `${topic}-${reader.int32()}`,
          offset: reader.int64(),
          leaderEpoch: reader.int32(),
          metadata: reader.string(),
        }))
      })
      return { api, ...identity, commits: commits.flat() }
    }
    case 'ListOffsets': {
      reader.int32()
      reader.int8()
      reader.int32()
      return { api, partition: `${reader.string()}-0` }
    }
    default:
      return { api }
  }
}

function readIdentity(reader: WireReader): { groupId: string; generationId: number; memberId: string } {
  const groupId = reader.string()
  const generationId = reader.int32()
  return { groupId, generationId, memberId: reader.string() }
}
