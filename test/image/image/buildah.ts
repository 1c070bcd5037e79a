import { join } from 'node:path'
import { runCommand } from '../../stack/native/run-command.ts'

/** Runs buildah with the images of one run; resolves with what it printed. */
export type Buildah = (...args: string[]) => Promise<string>

/** Buildah builds a Dockerfile without a daemon. Images, layers and mounts are under `dir`; the machine's own are not seen. */
export function buildahIn(dir: string, onLine?: (line: string) => void): Buildah {
  const store = ['--root', join(dir, 'store'), '--runroot', join(dir, 'run'), '--storage-driver', 'overlay']
  // A mount namespace of its own: what an interrupted build had mounted goes with it.
  return (...args) =>
    runCommand('unshare', ['--mount', 'buildah', ...store, ...args], { ...(onLine === undefined ? {} : { onLine }) })
}
