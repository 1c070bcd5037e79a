import type { SinkConfig } from '../contract/sink-config.ts'
import { crc32Of } from './byte-log.ts'
import type { ObjectStore } from './object-store.ts'
import { S3Error } from './s3-errors.ts'

/**
 * The object that a sink tries to create: one for each connector, whatever the number of its pods and starts. Folder and name
 * begin with an underscore, by which Athena, Spark and Hive know what is no data; it is empty for all other readers.
 */
export function probeKey(connector: string): string {
  return `_probe/${connector}/_probe`
}

/**
 * Whether the bucket takes and gives back what exactly-once delivery rests on: an object with metadata, written once and not
 * over another. By now it has been written by an earlier start, and one write is refused; the first start writes it and tries again.
 *
 * @throws S3Error
 */
export async function checkBucket(
  store: ObjectStore,
  { connector, s3 }: Pick<SinkConfig, 'connector' | 's3'>,
  signal: AbortSignal,
): Promise<void> {
  await store.checkBucket(signal)
  const key = probeKey(connector)
  const probe = {
    key,
    chunks: [],
    crc32: crc32Of([]),
    contentType: 'application/octet-stream',
    metadata: { connector },
  }
  const create = () => store.createIfAbsent(probe, signal).catch(unlessConflict)
  const fail = (code: string, why: string) =>
    new S3Error(code, 'person', `S3 ${code}: object ${key} of bucket ${s3.bucketName} (${s3.region}): ${why}`)
  if ((await create()) === 'created' && (await create()) === 'created')
    throw fail(
      'ConditionalWriteIgnored',
      'the server wrote over it although it was asked not to (If-None-Match: *): nothing is delivered',
    )
  const found = await store.head(key, signal)
  if (found?.metadata.connector !== connector)
    throw fail('MetadataMissing', 'the server does not give back the metadata by which objects are recognised')
}

/** Another pod of the connector is writing the same: the server compares. */
function unlessConflict(error: unknown): 'exists' {
  if (error instanceof S3Error && error.code === 'ConditionalRequestConflict') return 'exists'
  throw error
}
