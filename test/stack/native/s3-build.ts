import { join } from 'node:path'
import { type CacheOptions, cached } from './cache.ts'
import { goBuild } from './go-build.ts'
import { findGo } from './toolchain.ts'

const version = '1.8.0'
const module = `github.com/versity/versitygw/cmd/versitygw@v${version}`

/** The path of versitygw, an S3 server over a folder, compiled from its Go module (1 to 2 minutes, once). */
export async function versitygwBinary(options: CacheOptions): Promise<string> {
  const args = ['install', '-ldflags=-s -w', module]
  const build = async (dir: string) => {
    options.progress(`versitygw ${version}: compiling it from source, once`)
    await goBuild({ go: await findGo(options), args, cwd: dir, dir, env: { GOBIN: join(dir, 'bin') } })
  }
  const inputs = [...args, process.platform, process.arch]
  return join(await cached({ name: 'versitygw', version, inputs, build }, options), 'bin', 'versitygw')
}
