import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3'
import type { Stack } from '../stack/stack.ts'
import { parquetRows } from './parquet.ts'

export interface BucketObject {
  readonly key: string
  readonly sizeBytes: number
  readonly etag: string
  readonly lastModified: Date
}

export interface BucketUpload {
  readonly key: string
  readonly initiated: Date
}

/** How the ids that Kafka acknowledged compare with the ids found in the bucket. */
export interface Comparison {
  readonly produced: number
  /** Produced ids found at least once. */
  readonly delivered: number
  /** Produced ids found nowhere. */
  readonly missing: readonly string[]
  /** Ids found more than once, each with the keys it was found under. */
  readonly duplicates: ReadonlyMap<string, readonly string[]>
  /** Ids found that were never produced. */
  readonly unknown: readonly string[]
}

/** A bucket as a test looks at it: from outside, with the stack's own credentials. */
export class Bucket {
  readonly name: string
  readonly client: S3Client
  /** Ids by key, with the ETag they were read under: an object is read again only when it was overwritten. */
  readonly #read = new Map<string, { etag: string; ids: readonly string[] }>()

  constructor(s3: Stack['s3'], name: string) {
    this.name = name
    this.client = new S3Client({
      endpoint: s3.endpoint,
      region: s3.region,
      forcePathStyle: true,
      credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
    })
  }

  async create(): Promise<void> {
    await this.client.send(new CreateBucketCommand({ Bucket: this.name }))
  }

  async objects(prefix = ''): Promise<BucketObject[]> {
    const objects: BucketObject[] = []
    for await (const page of paginateListObjectsV2({ client: this.client }, { Bucket: this.name, Prefix: prefix })) {
      for (const { Key, Size, ETag, LastModified } of page.Contents ?? []) {
        if (Key)
          objects.push({ key: Key, sizeBytes: Size ?? 0, etag: ETag ?? '', lastModified: LastModified ?? new Date(0) })
      }
    }
    return objects
  }

  /** Uploads in parts that are neither completed nor aborted; the first thousand. */
  async uploads(): Promise<BucketUpload[]> {
    const { Uploads = [] } = await this.client.send(new ListMultipartUploadsCommand({ Bucket: this.name }))
    return Uploads.map(({ Key = '', Initiated = new Date(0) }) => ({ key: Key, initiated: Initiated }))
  }

  async empty(): Promise<void> {
    for (const { key } of await this.objects())
      await this.client.send(new DeleteObjectCommand({ Bucket: this.name, Key: key }))
  }

  /** The lines of an object, or the rows of a Parquet file as JSON, by the ending of its name. */
  async lines(key: string): Promise<string[]> {
    const { Body } = await this.client.send(new GetObjectCommand({ Bucket: this.name, Key: key }))
    const bytes = Buffer.from((await Body?.transformToByteArray()) ?? [])
    if (key.endsWith('.parquet')) return (await parquetRows(bytes)).map((row) => JSON.stringify(row))
    const text = key.endsWith('.gz') ? gunzipSync(bytes) : key.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes
    return text
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
  }

  /** Event ids by object key, without rejects. */
  async eventIds(): Promise<ReadonlyMap<string, readonly string[]>> {
    const idsByKey = new Map<string, readonly string[]>()
    for (const { key, etag } of await this.objects()) {
      if (key.startsWith('_errors/')) continue
      const known = this.#read.get(key)
      const ids = known?.etag === etag ? known.ids : (await this.lines(key)).map(eventIdOf)
      this.#read.set(key, { etag, ids })
      idsByKey.set(key, ids)
    }
    return idsByKey
  }

  async count(): Promise<number> {
    let count = 0
    for (const ids of (await this.eventIds()).values()) count += ids.length
    return count
  }

  async compare(produced: ReadonlySet<string>): Promise<Comparison> {
    const keysById = new Map<string, string[]>()
    for (const [key, ids] of await this.eventIds()) {
      for (const id of ids) keysById.set(id, [...(keysById.get(id) ?? []), key])
    }
    const missing = [...produced].filter((id) => !keysById.has(id))
    return {
      produced: produced.size,
      delivered: produced.size - missing.length,
      missing,
      duplicates: new Map([...keysById].filter(([, keys]) => keys.length > 1)),
      unknown: [...keysById.keys()].filter((id) => !produced.has(id)),
    }
  }

  /** Throws unless every produced id is in exactly one object and nothing else is there. */
  async expectExactly(produced: ReadonlySet<string>): Promise<void> {
    const { delivered, missing, duplicates, unknown } = await this.compare(produced)
    if (missing.length === 0 && duplicates.size === 0 && unknown.length === 0) return
    const [duplicate] = duplicates
    throw new Error(
      `bucket ${this.name}: ${produced.size} events produced, ${delivered} delivered, ${missing.length} missing` +
        `${missing[0] ? ` (e.g. ${missing[0]})` : ''}, ${duplicates.size} more than once` +
        `${duplicate ? ` (e.g. ${duplicate[0]} in ${duplicate[1].join(' and ')})` : ''}, ${unknown.length} unknown`,
    )
  }
}

function eventIdOf(line: string): string {
  return (JSON.parse(line) as { EventId: string }).EventId
}
