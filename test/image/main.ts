/**
 * `npm run test:image`: builds the product's image, brings it to a real kubelet with containerd, and runs the end-to-end tests and
 * those of test/image/suite on it. What needs the network of this machine is done first; the rest happens in namespaces of its own.
 */
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { REPOSITORY } from '../repository.ts'
import type { CacheOptions } from '../stack/native/cache.ts'
import { guardCgroup, guardFolder } from '../stack/native/guard.ts'
import { installKafka } from '../stack/native/kafka-server.ts'
import { kubernetesBinaries, nodeBinaries } from '../stack/native/kubernetes-build.ts'
import { versitygwBinary } from '../stack/native/s3-build.ts'
import { MissingTool } from '../stack/native/toolchain.ts'
import { findHelm } from '../stack/tools/helm.ts'
import { createCgroup, removeCgroup } from './cgroups.ts'
import { buildImages } from './image/build-image.ts'
import { runInNamespaces } from './private-namespaces.ts'
import { requireNodeTools } from './requirements.ts'
import { RUN_VARIABLE, type Run } from './run.ts'

const options: CacheOptions = { progress: (line) => console.log(`[image] ${line}`) }

async function main(vitestArguments: readonly string[]): Promise<number> {
  const { cniFolder } = requireNodeTools()
  // Compiled one after the other: each takes more than 2 GB of memory.
  await kubernetesBinaries(options)
  await nodeBinaries(options)
  await Promise.all([installKafka(options), versitygwBinary(options), findHelm(options)])
  await using resources = new AsyncDisposableStack()
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'analytics-connector-image-')))
  guardFolder(dir)
  resources.defer(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }))
  const images = await buildImages(join(dir, 'images'), options)
  const cgroup = dir.slice(dir.lastIndexOf('/') + 1)
  for (const folder of await createCgroup(cgroup)) {
    guardCgroup(folder)
    resources.defer(() => removeCgroup(folder))
  }
  const run: Run = { dir, cgroup, cniFolder, images }
  process.env[RUN_VARIABLE] = JSON.stringify(run)
  await mkdir(join(dir, 'tmp'))
  process.env.TMPDIR = join(dir, 'tmp')
  // Awaited here: what was made above is taken away when this function is left.
  return await runInNamespaces(dir, vitest(vitestArguments))
}

function vitest(args: readonly string[]): string[] {
  const config = join(import.meta.dirname, 'vitest.config.ts')
  const program = join(REPOSITORY, 'node_modules/vitest/vitest.mjs')
  return [process.execPath, ...process.execArgv, program, 'run', '--config', config, ...args]
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof MissingTool ? error.message : error)
  process.exitCode = 1
}
