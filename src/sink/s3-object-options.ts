import type { ServerSideEncryption, StorageClass } from '@aws-sdk/client-s3'
import type { SinkConfig } from '../contract/sink-config.ts'

/** What is asked for with each object, as PutObject and CreateMultipartUpload take it. What is not configured is not sent: the bucket decides. */
export interface ObjectOptions {
  ServerSideEncryption?: ServerSideEncryption
  SSEKMSKeyId?: string
  StorageClass?: StorageClass
}

type Asked = Pick<SinkConfig['s3'], 'serverSideEncryption' | 'storageClass'>

export function objectOptions({ serverSideEncryption, storageClass }: Asked): ObjectOptions {
  return {
    ...(serverSideEncryption === undefined ? {} : { ServerSideEncryption: serverSideEncryption.type }),
    ...(serverSideEncryption?.kmsKeyId === undefined ? {} : { SSEKMSKeyId: serverSideEncryption.kmsKeyId }),
    ...(storageClass === undefined ? {} : { StorageClass: storageClass }),
  }
}
