import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CacheOptions, cached } from '../native/cache.ts'
import { runCommand } from '../native/run-command.ts'

const version = '5.2.5'
/** What moto's server needs for STS, IAM and S3, and no more: a third of what its own extra `server` brings. */
const requirements = join(import.meta.dirname, 'moto', 'requirements.txt')

/** The folder of moto, which plays AWS, and all that it needs: a `PYTHONPATH` for the machine's Python (31 MB, 10 seconds, once). */
export async function findMoto(options: CacheOptions): Promise<string> {
  const pinned = await readFile(requirements, 'utf8')
  const build = async (dir: string) => {
    options.progress(`moto ${version}: fetching it as Python packages`)
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', dir, '-r', requirements]
    await runCommand('python3', pip)
  }
  // Some of the packages are compiled for one Python.
  const inputs = [pinned, await runCommand('python3', ['--version']), process.platform, process.arch]
  return cached({ name: 'moto', version, inputs, build }, options)
}
