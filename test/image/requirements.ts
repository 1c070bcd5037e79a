import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { MissingTool } from '../stack/native/toolchain.ts'

/** Folders in which distributions put the CNI plugins. */
const cniFolders = ['/usr/lib/cni', '/usr/libexec/cni', '/opt/cni/bin']
const cniPlugins = ['bridge', 'host-local', 'loopback']

/** A command, and the Debian package that brings it. */
const commands: Readonly<Record<string, string>> = {
  buildah: 'buildah',
  containerd: 'containerd',
  ctr: 'containerd',
  runc: 'runc',
  debootstrap: 'debootstrap',
  nft: 'nftables',
  ip: 'iproute2',
  unshare: 'util-linux',
  mount: 'mount',
  openssl: 'openssl',
}

/** What decides whether this machine can run a real node; given, so that a test can be another machine. */
export interface Machine {
  readonly platform: NodeJS.Platform
  readonly uid: number | undefined
  isExecutable(path: string): boolean
  readonly path: string
}

const thisMachine: Machine = {
  platform: process.platform,
  uid: process.getuid?.(),
  isExecutable(path) {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  },
  path: process.env.PATH ?? '',
}

/**
 * The folder of the CNI plugins, when everything else is there too.
 * @throws MissingTool with all that is missing at once, and the command that installs it
 */
export function requireNodeTools(machine: Machine = thisMachine): { readonly cniFolder: string } {
  if (machine.platform !== 'linux') {
    throw new MissingTool(`The image is tested on a Linux node; this is ${machine.platform}.`)
  }
  if (machine.uid !== 0) {
    throw new MissingTool('The test of the image starts containerd and a kubelet, which need root: run it with sudo.')
  }
  const folders = machine.path.split(delimiter)
  const missing = Object.keys(commands).filter((name) => !folders.some((dir) => machine.isExecutable(join(dir, name))))
  const cniFolder = cniFolders.find((dir) => cniPlugins.every((plugin) => machine.isExecutable(join(dir, plugin))))
  const packages = new Set(missing.map((name) => commands[name]))
  if (cniFolder === undefined) {
    missing.push('the CNI plugins')
    packages.add('containernetworking-plugins')
  }
  if (cniFolder !== undefined && missing.length === 0) return { cniFolder }
  throw new MissingTool(
    `Missing on this machine: ${missing.join(', ')}.\nDebian, Ubuntu: apt-get install --no-install-recommends ${[...packages].join(' ')}`,
  )
}
