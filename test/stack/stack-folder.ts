import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { CRD, REPOSITORY } from '../repository.ts'
import type { RemoteStack } from './control-server.ts'
import { adminConfiguration, environmentFile, operatorConfiguration } from './env-file.ts'
import { isStackUp } from './remote.ts'

/** Where the stack of `npm run stack:up` is written down: `.stack` of this work tree, or STACK_DIR. */
export const stackFolder = resolve(REPOSITORY, process.env.STACK_DIR ?? '.stack')

export const paths = {
  environment: join(stackFolder, 'env'),
  operatorConfiguration: join(stackFolder, 'operator.yaml'),
  adminConfiguration: join(stackFolder, 'admin.yaml'),
  /** A connector for these servers; `npm run stack:events` writes it. */
  sample: join(stackFolder, 'game-events.yaml'),
  log: join(stackFolder, 'stack.log'),
  data: join(stackFolder, 'data'),
  crds: CRD,
} as const

const remotePath = join(stackFolder, 'stack.json')

/** Writes down a running stack; the folder says that one is up only when everything else in it is complete. */
export async function writeStackFolder(stack: RemoteStack): Promise<void> {
  await mkdir(stackFolder, { recursive: true })
  await writeFile(paths.environment, environmentFile(stack.addresses), { mode: 0o600 })
  await writeFile(paths.operatorConfiguration, operatorConfiguration(stack.addresses))
  await writeFile(paths.adminConfiguration, adminConfiguration(stack.addresses))
  await writeFile(`${remotePath}.new`, JSON.stringify(stack, undefined, 2), { mode: 0o600 })
  await rename(`${remotePath}.new`, remotePath)
}

/** The stack that was written down, if it is up. */
export async function readStackFolder(): Promise<RemoteStack | undefined> {
  const text = await readFile(remotePath, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const stack = JSON.parse(text) as RemoteStack
  return (await isStackUp(stack)) ? stack : undefined
}

/** Removes what tells of a stack; its log stays. */
export async function clearStackFolder(): Promise<void> {
  const { environment, operatorConfiguration, adminConfiguration, sample } = paths
  for (const path of [remotePath, environment, operatorConfiguration, adminConfiguration, sample])
    await rm(path, { force: true })
}
