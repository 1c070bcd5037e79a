import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEPLOY } from '../repository.ts'
import type { Stack } from '../stack/stack.ts'
import { findHelm } from '../stack/tools/helm.ts'
import { stackEnvironment } from './kubectl.ts'

export const CHART = join(DEPLOY, 'helm/analytics-connector')

export interface Helm {
  /** Runs helm as a person would. Rejects with what it printed to standard error. */
  (...args: string[]): Promise<string>
  close(): Promise<void>
}

/** Helm against a stack, with a home of its own, so that neither settings nor plugins of this machine count. */
export async function openHelm(stack: Stack): Promise<Helm> {
  const helm = await findHelm({ progress: (line) => console.log(line) })
  const home = await mkdtemp(join(tmpdir(), 'helm-'))
  const folders = { HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home }
  const env = { ...stackEnvironment(stack), ...folders }
  const run = (...args: string[]) =>
    new Promise<string>((resolve, reject) => {
      execFile(helm, args, { env, maxBuffer: 64 << 20 }, (error, stdout, stderr) =>
        error ? reject(new Error(`helm ${args.join(' ')}: ${stderr.trim() || error.message}`)) : resolve(stdout),
      )
    })
  return Object.assign(run, { close: () => rm(home, { recursive: true, force: true }) })
}
