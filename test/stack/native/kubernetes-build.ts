import { cp, mkdir, readFile, rm, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BuildProgress } from './build-progress.ts'
import { type CacheOptions, cached } from './cache.ts'
import { goBuild } from './go-build.ts'
import { findGo } from './toolchain.ts'

const version = '1.34.4'
const source = join(import.meta.dirname, 'k8s')
const moduleFiles = ['go.mod', 'go.sum'] as const

/** Several commands compiled as one program, with a link for each name. */
interface Program {
  readonly name: string
  readonly title: string
  readonly mainFile: string
  readonly commands: readonly string[]
  /** What `go build -v` reports for these sources, standard library included; only the estimate depends on it. */
  readonly packageCount: number
  /** A cold build with the modules at hand, on two free cores. */
  readonly usualSeconds: number
}

const controlPlane: Program = {
  name: 'kubernetes',
  title: `Kubernetes ${version}`,
  mainFile: 'main.go',
  commands: ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl'],
  packageCount: 2_633,
  usualSeconds: 250,
}

const node: Program = {
  name: 'kubernetes-node',
  title: `kubelet and kube-proxy ${version}`,
  mainFile: 'node/main.go',
  commands: ['kubelet', 'kube-proxy'],
  packageCount: 1_751,
  usualSeconds: 200,
}

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
export function kubernetesBinaries(options: CacheOptions): Promise<string> {
  return binaries(controlPlane, options)
}

/** The same for kubelet and kube-proxy, which only a real node needs: the test of the image has one. */
export function nodeBinaries(options: CacheOptions): Promise<string> {
  return binaries(node, options)
}

/** The program that holds a pod's namespaces, as nothing but the container runtime knows it. */
export async function pauseBinary(options: CacheOptions): Promise<string> {
  const file = join(source, 'pause/main.go')
  const build = async (dir: string) => {
    const args = ['build', '-ldflags', '-s -w', '-o', join(dir, 'pause'), file]
    await goBuild({ go: await findGo(options), args, cwd: dir, dir })
  }
  const inputs = [await readFile(file, 'utf8'), process.platform, process.arch]
  return join(await cached({ name: 'kubernetes-pause', version, inputs, build }, options), 'pause')
}

async function binaries(program: Program, options: CacheOptions): Promise<string> {
  const files = [...moduleFiles, program.mainFile]
  const sources = await Promise.all(files.map((name) => readFile(join(source, name), 'utf8')))
  const recipe = {
    name: program.name,
    version,
    inputs: [...sources, ...buildFlags, process.platform, process.arch],
    build: (dir: string) => compile(program, dir, options),
  }
  return join(await cached(recipe, options), 'bin')
}

async function compile(program: Program, dir: string, options: CacheOptions): Promise<void> {
  const go = await findGo(options)
  const work = join(dir, 'source')
  await mkdir(join(dir, 'bin'))
  await cp(source, work, { recursive: true })
  const progress = new BuildProgress(program.title, program.packageCount, program.usualSeconds, options.progress)
  try {
    const folder = `./${dirname(program.mainFile)}`
    const args = ['build', '-v', ...buildFlags, '-o', join(dir, 'bin', program.name), folder]
    await goBuild({ go, args, cwd: work, dir, onLine: (line) => progress.read(line) })
  } finally {
    progress.end()
  }
  for (const command of program.commands) await symlink(program.name, join(dir, 'bin', command))
  await rm(work, { recursive: true })
}
