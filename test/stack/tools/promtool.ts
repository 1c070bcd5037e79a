import { copyFile, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type CacheOptions, cached } from '../native/cache.ts'
import { goBuild } from '../native/go-build.ts'
import { findGo } from '../native/toolchain.ts'

const version = '3.13.2'
const source = join(import.meta.dirname, 'promtool')
const sourceFiles = ['go.mod', 'go.sum'] as const
/** Rules are all that is tested: without service discovery a third of the packages is left, and without inlining they compile faster. */
const buildFlags = ['-tags', 'remove_all_sd', '-gcflags=all=-l', '-ldflags', '-s -w']

/** The path of Prometheus' promtool, compiled from its Go module (1 to 3 minutes, once). */
export async function findPromtool(options: CacheOptions): Promise<string> {
  const sources = await Promise.all(sourceFiles.map((name) => readFile(join(source, name), 'utf8')))
  const build = async (dir: string) => {
    options.progress(`promtool ${version}: compiling it from source, once`)
    const work = join(dir, 'source')
    await mkdir(work)
    for (const name of sourceFiles) await copyFile(join(source, name), join(work, name))
    const args = ['build', ...buildFlags, '-o', join(dir, 'promtool'), 'github.com/prometheus/prometheus/cmd/promtool']
    await goBuild({ go: await findGo(options), args, cwd: work, dir })
    await rm(work, { recursive: true })
  }
  const inputs = [...sources, ...buildFlags, process.platform, process.arch]
  return join(await cached({ name: 'promtool', version, inputs, build }, options), 'promtool')
}
