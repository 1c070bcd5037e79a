import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../stack/native/free-ports.ts'
import { ServerProcess } from '../stack/native/server-process.ts'
import { findMoto } from '../stack/tools/moto.ts'
import type { S3User } from './s3-user.ts'

const REGION = 'us-east-1'
export const EXTERNAL_ID = 'acme:42'

type Action = Readonly<Record<string, string>>

/**
 * STS, IAM and S3 of AWS as moto plays them: signatures are verified by the code of AWS's own Python SDK, and what users and
 * roles may is asked. It does not encrypt, tokens do not end, and of uploads in parts several can win.
 */
export interface AwsStandIn {
  readonly endpoint: string
  readonly region: string
  /** May do everything. */
  readonly root: S3User
  /** May take roles on, and nothing else. */
  readonly user: S3User
  /** May write to buckets. Trusts `user` that tells EXTERNAL_ID. */
  readonly roleArn: string
  stop(): Promise<void>
}

export async function startAwsStandIn(): Promise<AwsStandIn> {
  const progress = (line: string) => console.log(line)
  const [moto, [port = 0], dir] = await Promise.all([
    findMoto({ progress }),
    freePorts(1),
    mkdtemp(join(tmpdir(), 'aws-stand-in-')),
  ])
  const endpoint = `http://127.0.0.1:${port}`
  const server = new ServerProcess({
    name: 'moto',
    command: 'python3',
    args: ['-c', 'from moto.server import main; main()', '-H', '127.0.0.1', '-p', String(port)],
    // So many requests ask for no rights: those that make users and the role.
    env: { PYTHONPATH: moto, PYTHONDONTWRITEBYTECODE: '1', INITIAL_NO_AUTH_ACTION_COUNT: String(SETUP_ACTIONS) },
    cwd: dir,
    logPath: join(dir, 'moto.log'),
    isReady: async () => (await fetch(`${endpoint}/moto-api/`)).ok,
    onUnexpectedExit: progress,
  })
  await server.start()
  const call = (action: Action) => callIam(endpoint, action)
  const root = await createUser(call, 'root', '*')
  const user = await createUser(call, 'sink', 'sts:AssumeRole')
  const roleArn = await createRole(call)
  return {
    ...{ endpoint, region: REGION, root, user, roleArn },
    stop: async () => {
      await server.stop('SIGKILL')
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Those of two users and a role. */
const SETUP_ACTIONS = 3 + 3 + 2

type CallIam = (action: Action) => Promise<string>

async function createUser(call: CallIam, UserName: string, allowed: string): Promise<S3User> {
  await call({ Action: 'CreateUser', UserName })
  await call({
    Action: 'PutUserPolicy',
    UserName,
    PolicyName: 'own',
    PolicyDocument: policy({ Action: allowed, Resource: '*' }),
  })
  const key = await call({ Action: 'CreateAccessKey', UserName })
  return { accessKeyId: textOf(key, 'AccessKeyId'), secretAccessKey: textOf(key, 'SecretAccessKey') }
}

async function createRole(call: CallIam): Promise<string> {
  const RoleName = 'events-writer'
  const AssumeRolePolicyDocument = policy({
    Principal: { AWS: 'arn:aws:iam::123456789012:user/sink' },
    Action: 'sts:AssumeRole',
    Condition: { StringEquals: { 'sts:ExternalId': EXTERNAL_ID } },
  })
  const role = await call({ Action: 'CreateRole', RoleName, AssumeRolePolicyDocument })
  const PolicyDocument = policy({ Action: ['s3:ListBucket', 's3:GetObject', 's3:PutObject'], Resource: '*' })
  await call({ Action: 'PutRolePolicy', RoleName, PolicyName: 'own', PolicyDocument })
  return textOf(role, 'Arn')
}

function policy(statement: object): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...statement }] })
}

/** By its Query API. The signature is not looked at yet, only what service it is for. */
async function callIam(endpoint: string, action: Action): Promise<string> {
  const authorization = `AWS4-HMAC-SHA256 Credential=nobody/20260101/${REGION}/iam/aws4_request, SignedHeaders=host, Signature=none`
  const body = new URLSearchParams({ Version: '2010-05-08', ...action })
  const answer = await fetch(endpoint, { method: 'POST', headers: { authorization }, body })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${action.Action}: ${answer.status} ${text}`)
  return text
}

function textOf(xml: string, tag: string): string {
  const text = new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)?.[1]
  if (text === undefined) throw new Error(`no ${tag} in ${xml}`)
  return text
}
