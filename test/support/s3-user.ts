import { ListBucketsCommand, type S3Client } from '@aws-sdk/client-s3'

export interface S3User {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/**
 * Creates a user on versitygw, by its admin API: `PATCH /create-user`, signed as any call of S3. The SDK signs and sends
 * it in the place of another call.
 */
export async function createS3User(root: S3Client, { accessKeyId, secretAccessKey }: S3User): Promise<void> {
  const command = new ListBucketsCommand({})
  command.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as {
        method: string
        path: string
        query: object
        body: string
        headers: Record<string, string>
      }
      const body = `<Account><Access>${accessKeyId}</Access><Secret>${secretAccessKey}</Secret><Role>user</Role></Account>`
      Object.assign(request, { method: 'PATCH', path: '/create-user', query: {}, body })
      Object.assign(request.headers, { 'content-type': 'application/xml', 'content-length': String(body.length) })
      return next(args)
    },
    { step: 'build', name: 'createUser' },
  )
  await root.send(command)
}
