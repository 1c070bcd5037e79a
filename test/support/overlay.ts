import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { stringify } from 'yaml'
import { DEPLOY } from '../repository.ts'

/** Of a user's own. Content that is not text is written as YAML. */
export interface Overlay {
  /** @param deploy the path to a folder of deploy, as the overlay has to write it */
  readonly kustomization: (deploy: (folder: string) => string) => object | string
  /** What lies beside the kustomization, by name. */
  readonly files?: Readonly<Record<string, object | string>>
}

/** Gives a folder with the overlay, as kustomize takes it, until what is done with it ends. */
export async function withOverlay<T>(overlay: Overlay, use: (folder: string) => Promise<T>): Promise<T> {
  // kustomize compares real paths, and takes a base outside of the overlay by a relative path only.
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'overlay-')))
  try {
    const kustomization = overlay.kustomization((path) => relative(folder, join(DEPLOY, path)))
    for (const [name, content] of Object.entries({ ...overlay.files, 'kustomization.yaml': kustomization }))
      await writeFile(join(folder, name), typeof content === 'string' ? content : stringify(content))
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** What a kustomization says to run an image in place of the one that deploy names. */
export function runningImage(image: string): object {
  const [newName, newTag] = image.split(/:(?=[^/:]*$)/)
  return { name: 'analytics-connector', newName, newTag }
}
