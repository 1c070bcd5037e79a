import type { BucketPolicy } from '../contract/rest-tools.ts'

/**
 * The policy that lets the connector's role write to a customer's bucket. A connector lives within these five actions.
 *
 * @param roleArn such as `arn:aws:iam::123456789012:role/connector`; its partition (aws, aws-cn, aws-us-gov) is the bucket's too
 */
export function bucketPolicy(bucketName: string, roleArn: string): BucketPolicy {
  const bucketArn = `arn:${roleArn.split(':')[1]}:s3:::${bucketName}`
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'AccelByteAnalyticsConnector',
        Effect: 'Allow',
        Principal: { AWS: roleArn },
        Action: ['s3:ListBucket', 's3:GetBucketLocation', 's3:GetObject', 's3:GetObjectVersion', 's3:PutObject'],
        Resource: [bucketArn, `${bucketArn}/*`],
      },
    ],
  }
}
