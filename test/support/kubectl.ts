import { execFile } from 'node:child_process'
import { delimiter } from 'node:path'
import type { Stack } from '../stack/stack.ts'

export interface KubectlOptions {
  /** Written to standard input (`kubectl apply -f -`). */
  readonly input?: string
}

/** The environment in which `kubectl`, and any command a person would type, finds the stack. */
export function stackEnvironment(stack: Stack): NodeJS.ProcessEnv {
  return {
    ...process.env,
    KUBECONFIG: stack.kubeconfigPath,
    PATH: [...stack.pathAdditions, process.env.PATH].join(delimiter),
  }
}

/** Runs kubectl as a person would. Rejects with what kubectl printed to standard error. */
export function kubectl(stack: Stack, args: readonly string[], { input }: KubectlOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      'kubectl',
      args,
      { env: stackEnvironment(stack), maxBuffer: 64 << 20 },
      (error, stdout, stderr) =>
        error ? reject(new Error(`kubectl ${args.join(' ')}: ${stderr.trim() || error.message}`)) : resolve(stdout),
    )
    child.stdin?.end(input ?? '')
  })
}

/** `kubectl … -o json`, parsed. */
export async function kubectlJson<T>(stack: Stack, ...args: string[]): Promise<T> {
  return JSON.parse(await kubectl(stack, [...args, '-o', 'json'])) as T
}

/** Applies manifests given as text. */
export async function apply(stack: Stack, manifest: string | object): Promise<string> {
  const input = typeof manifest === 'string' ? manifest : JSON.stringify(manifest)
  const applied = () => kubectl(stack, ['apply', '-f', '-'], { input })
  try {
    return await applied()
  } catch (error) {
    // kubectl looks before it creates, and another file of tests may apply the same roles in between.
    if (error instanceof Error && error.message.includes('AlreadyExists')) return applied()
    throw error
  }
}
