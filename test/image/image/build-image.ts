import { copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { REPOSITORY } from '../../repository.ts'
import type { CacheOptions } from '../../stack/native/cache.ts'
import { pauseBinary } from '../../stack/native/kubernetes-build.ts'
import { ownImage } from '../../stack/stack.ts'
import { type Buildah, buildahIn } from './buildah.ts'
import { type NodeBase, nodeBase } from './node-base.ts'

export const pauseImage = 'localhost/pause:1'

export interface BuiltImages {
  /** Archives for `ctr images import`. */
  readonly archives: readonly string[]
  readonly base: NodeBase
  /** Of the product's image, unpacked. */
  readonly sizeBytes: number
  /** Of the same as an archive compressed with gzip, which is about what a registry sends. */
  readonly compressedBytes: number
  readonly buildSeconds: number
}

/** Builds the product's image from the Dockerfile of this work tree, and the image that holds a pod's namespaces. */
export async function buildImages(dir: string, options: CacheOptions): Promise<BuiltImages> {
  await mkdir(dir, { recursive: true })
  const buildah = buildahIn(dir)
  const base = await nodeBase(buildah, options)
  options.progress(`buildah: building the image of this work tree on ${base.name}`)
  const startedAt = Date.now()
  await build(buildah, ['--build-arg', `NODE_IMAGE=${base.name}`, '--network', 'host'], ownImage, REPOSITORY)
  const buildSeconds = (Date.now() - startedAt) / 1000
  await buildPause(buildah, join(dir, 'pause'), options)
  const [own, pause] = await Promise.all([archive(buildah, ownImage, dir), archive(buildah, pauseImage, dir)])
  const { size: sizeBytes } = await stat(own)
  return { archives: [own, pause], base, buildSeconds, sizeBytes, compressedBytes: await compressedSize(buildah, dir) }
}

async function build(buildah: Buildah, args: readonly string[], tag: string, context: string): Promise<void> {
  // chroot: the build needs no container runtime, and files of this machine are not to be protected from our own Dockerfile.
  await buildah('build-using-dockerfile', '--isolation', 'chroot', '--format', 'docker', ...args, '--tag', tag, context)
}

async function buildPause(buildah: Buildah, context: string, options: CacheOptions): Promise<void> {
  await mkdir(context)
  await copyFile(await pauseBinary(options), join(context, 'pause'))
  await writeFile(join(context, 'Dockerfile'), 'FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n')
  await build(buildah, [], pauseImage, context)
}

/** A file that any container engine can load. */
async function archive(buildah: Buildah, image: string, dir: string): Promise<string> {
  const path = join(dir, `${image.replaceAll(/\W+/g, '-')}.tar`)
  await buildah('push', image, `docker-archive:${path}:${image}`)
  return path
}

async function compressedSize(buildah: Buildah, dir: string): Promise<number> {
  const path = join(dir, 'compressed.tar')
  await buildah('push', ownImage, `oci-archive:${path}`)
  const { size } = await stat(path)
  await rm(path)
  return size
}
