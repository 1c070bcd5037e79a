import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The files of one folder of mounted Secrets. Read anew each time: a rotated Secret is used without a restart. */
export class SecretFiles {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
  }

  /**
   * The file's text without a line break at its end, which an editor may have put there.
   *
   * @param field of the resource's spec that names the Secret, for the message
   * @throws Error when there is none, or it is empty
   */
  async read(file: string, field: string): Promise<string> {
    const path = join(this.#dir, file)
    try {
      const text = (await readFile(path, 'utf8')).replace(/\r?\n$/, '')
      if (text !== '') return text
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    }
    throw new Error(`the Secret of spec.${field} is missing or has no key for ${file} (${path})`)
  }
}
