import { copyFile, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { REPOSITORY } from '../../repository.ts'
import { type CacheOptions, cached } from '../../stack/native/cache.ts'
import { runCommand } from '../../stack/native/run-command.ts'
import type { Buildah } from './buildah.ts'

const debian = 'bookworm'
const npmVersion = '11.21.2'
const certificates = '/etc/ssl/certs/ca-certificates.crt'
const standIn = 'localhost/node-stand-in'

/** The image that the Dockerfile begins with. */
export interface NodeBase {
  readonly name: string
  /** Made here, because the real one cannot be had. */
  readonly isStandIn: boolean
}

/** The Dockerfile's own base image where a registry has it, else a stand-in made of Debian, npm and the Node of the tests. */
export async function nodeBase(buildah: Buildah, options: CacheOptions): Promise<NodeBase> {
  const [, name = ''] = /^ARG NODE_IMAGE=(.+)$/m.exec(await readFile(join(REPOSITORY, 'Dockerfile'), 'utf8')) ?? []
  try {
    await buildah('pull', name)
    return { name, isStandIn: false }
  } catch (error) {
    options.progress(`${name} cannot be pulled, so a stand-in is made of Debian and Node: ${lastLine(error)}`)
  }
  const folder = await cached(recipe(options), options)
  await buildah('build-using-dockerfile', '--isolation', 'chroot', '--tag', standIn, folder)
  return { name: standIn, isStandIn: true }
}

function recipe(options: CacheOptions) {
  return {
    name: 'node-base',
    version: process.versions.node,
    inputs: [debian, npmVersion, dockerfile, process.arch],
    build: (dir: string) => makeStandIn(dir, options),
  }
}

/** The machine's certificate authorities are told to npm, in the build only: nothing of this goes into the product's image. */
const dockerfile = `FROM scratch
ADD root.tar /
ENV NODE_EXTRA_CA_CERTS=${certificates}
`

/** Fills the folder with a Dockerfile and the archive of a root file system. */
async function makeStandIn(dir: string, { progress }: CacheOptions): Promise<void> {
  progress('debootstrap: Debian for the stand-in, once; this takes about a minute')
  const root = join(dir, 'root')
  await runCommand('debootstrap', ['--variant=minbase', debian, root])
  const npm = join(root, 'usr/local/lib/node_modules/npm')
  await mkdir(npm, { recursive: true })
  await mkdir(join(root, 'etc/ssl/certs'), { recursive: true })
  await copyFile(certificates, join(root, certificates))
  await copyFile(process.execPath, join(root, 'usr/local/bin/node'))
  await runCommand('npm', ['pack', '--silent', `npm@${npmVersion}`], { cwd: dir })
  await runCommand('tar', ['-xzf', `npm-${npmVersion}.tgz`, '--strip-components=1', '-C', npm], { cwd: dir })
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'))
  await runCommand('tar', ['-cf', 'root.tar', '-C', root, '--exclude=./var/cache/apt/archives/*.deb', '.'], {
    cwd: dir,
  })
  await writeFile(join(dir, 'Dockerfile'), dockerfile)
  await rm(root, { recursive: true })
}

function lastLine(error: unknown): string {
  return (error as Error).message.trimEnd().split('\n').at(-1) ?? ''
}
