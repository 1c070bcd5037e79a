import { copyFile, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CacheOptions, cached } from './cache.ts'
import { runCommand } from './run-command.ts'
import { findMaven } from './toolchain.ts'

export const kafkaVersion = '4.4.0'
const source = join(import.meta.dirname, 'kafka')
const copyDependencies = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'

/** The folder with Kafka's jars, fetched by Maven (43 MB). */
export async function kafkaJars(options: CacheOptions): Promise<string> {
  const files = ['pom.xml', 'log4j2.properties']
  const inputs = await Promise.all(files.map((name) => readFile(join(source, name), 'utf8')))
  const build = async (dir: string) => {
    options.progress(`Kafka ${kafkaVersion}: fetching its jars with Maven`)
    const pom = ['-B', '-q', '-f', join(source, 'pom.xml')]
    await runCommand(await findMaven(), [
      ...pom,
      copyDependencies,
      '-DincludeScope=runtime',
      `-DoutputDirectory=${join(dir, 'libs')}`,
    ])
    await copyFile(join(source, 'log4j2.properties'), join(dir, 'log4j2.properties'))
  }
  return cached({ name: 'kafka', version: kafkaVersion, inputs, build }, options)
}

/** Java's class path for a folder made by `kafkaJars`, always in the same order: a class data archive depends on it. */
export async function classPath(kafkaFolder: string): Promise<string> {
  const libs = join(kafkaFolder, 'libs')
  const jars = (await readdir(libs)).filter((name) => name.endsWith('.jar')).sort()
  return jars.map((name) => join(libs, name)).join(':')
}
