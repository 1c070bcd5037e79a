import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Files, writeAtomically } from './atomic-folder.ts'
import type { MountedFolder } from './mount-paths.ts'
import type { Container, Pod, Volume } from './pod.ts'
import { type VolumeContext, volumeFiles } from './volume-files.ts'

/** The volumes of one pod, as folders under `<pod folder>/volumes/<volume name>`. */
export class PodVolumes {
  readonly #folder: string
  readonly #context: Omit<VolumeContext, 'pod'>
  /** What each volume shows now, to write only what changed. */
  readonly #shown = new Map<string, string>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(podFolder: string, context: Omit<VolumeContext, 'pod'>) {
    this.#folder = join(podFolder, 'volumes')
    this.#context = context
  }

  /**
   * Makes every volume show what it should show now: first to mount them, later to refresh them. Runs one after another.
   *
   * @throws Error with the kubelet's message for the first volume that cannot be set up; the others are set up all the same
   */
  update(pod: Pod): Promise<void> {
    const run = this.#last.then(async () => {
      const failures = (await Promise.all((pod.spec.volumes ?? []).map((volume) => this.#setUp(volume, pod)))).filter(
        Boolean,
      )
      if (failures[0]) throw failures[0]
    })
    this.#last = run.catch(() => undefined)
    return run
  }

  async #setUp(volume: Volume, pod: Pod): Promise<Error | undefined> {
    if (volume.hostPath) return undefined
    try {
      const files = await volumeFiles(volume, { ...this.#context, pod })
      await this.#show(volume.name, files)
      return undefined
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      return new Error(`MountVolume.SetUp failed for volume "${volume.name}" : ${message}`)
    }
  }

  async #show(name: string, files: Files | undefined): Promise<void> {
    const folder = join(this.#folder, name)
    if (!files) {
      await mkdir(folder, { recursive: true })
      return
    }
    const content = fingerprint(files)
    if (this.#shown.get(name) === content) return
    await writeAtomically(folder, files)
    this.#shown.set(name, content)
  }

  /** Where the mountPaths of a container are on disk. A subPath follows later changes, unlike a kubelet's. */
  mountsOf(container: Container, pod: Pod): MountedFolder[] {
    return (container.volumeMounts ?? []).map((mount) => {
      if (mount.subPathExpr) throw new Error('this node agent does not support subPathExpr')
      const volume = pod.spec.volumes?.find(({ name }) => name === mount.name)
      const folder = volume?.hostPath?.path ?? join(this.#folder, mount.name)
      return { mountPath: mount.mountPath, folder: mount.subPath ? join(folder, mount.subPath) : folder }
    })
  }
}

function fingerprint(files: Files): string {
  return JSON.stringify([...files].map(([path, { content, mode }]) => [path, content.toString('base64'), mode]))
}
