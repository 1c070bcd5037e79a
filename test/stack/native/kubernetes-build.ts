import { copyFile, mkdir, readFile, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { BuildProgress } from './build-progress.ts'
import { type CacheOptions, cached } from './cache.ts'
import { goBuild } from './go-build.ts'
import { findGo } from './toolchain.ts'

const version = '1.34.4'
const source = join(import.meta.dirname, 'k8s')
const sourceFiles = ['go.mod', 'go.sum', 'main.go'] as const
const programs = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl'] as const
/** What `go build -v` reports for these sources, standard library included; only the estimate depends on it. */
const packageCount = 2_633
/** A cold build with the modules at hand, on two free cores. */
const usualSeconds = 250

const stamp = 'k8s.io/component-base/version'
const linkerFlags = [
  '-s -w',
  `-X ${stamp}.gitVersion=v${version} -X ${stamp}.gitMajor=1 -X ${stamp}.gitMinor=34 -X ${stamp}.gitTreeState=clean`,
  `-X k8s.io/client-go/pkg/version.gitVersion=v${version}`,
].join(' ')
/** Without inlining (`-l`) the build takes a fifth less time; the servers start just as fast. */
const buildFlags = ['-tags', 'providerless', '-gcflags=all=-l', '-ldflags', linkerFlags]

/**
 * The folder with the Kubernetes control plane, its etcd and kubectl, compiled from their Go modules as one program
 * with a link for each name. Compiling takes 4 to 10 minutes, once.
 */
export async function kubernetesBinaries(options: CacheOptions): Promise<string> {
  const sources = await Promise.all(sourceFiles.map((name) => readFile(join(source, name), 'utf8')))
  const recipe = {
    name: 'kubernetes',
    version,
    inputs: [...sources, ...buildFlags, process.platform, process.arch],
    build: (dir: string) => compile(dir, options),
  }
  return join(await cached(recipe, options), 'bin')
}

async function compile(dir: string, options: CacheOptions): Promise<void> {
  const go = await findGo(options)
  const work = join(dir, 'source')
  await mkdir(work)
  await mkdir(join(dir, 'bin'))
  for (const name of sourceFiles) await copyFile(join(source, name), join(work, name))
  const progress = new BuildProgress(`Kubernetes ${version}`, packageCount, usualSeconds, options.progress)
  try {
    const args = ['build', '-v', ...buildFlags, '-o', join(dir, 'bin', 'kubernetes'), '.']
    await goBuild({ go, args, cwd: work, dir, onLine: (line) => progress.read(line) })
  } finally {
    progress.end()
  }
  for (const name of programs) await symlink('kubernetes', join(dir, 'bin', name))
  await rm(work, { recursive: true })
}
