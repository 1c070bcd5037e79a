import { readFile, writeFile } from 'node:fs/promises'
import { get } from 'node:https'

export interface KubeconfigOptions {
  readonly path: string
  readonly host: string
  readonly port: number
  readonly token: string
  readonly ca: Buffer
}

/** Writes a kubeconfig that holds all it needs, so that it can be copied. */
export async function writeKubeconfig({ path, host, port, token, ca }: KubeconfigOptions): Promise<void> {
  const text = `apiVersion: v1
kind: Config
current-context: stack
clusters:
  - name: stack
    cluster:
      server: https://${host}:${port}
      certificate-authority-data: ${ca.toString('base64')}
users:
  - name: stack
    user:
      token: ${token}
contexts:
  - name: stack
    context:
      cluster: stack
      user: stack
`
  await writeFile(path, text, { mode: 0o600 })
}

/** Whether the API server answers with 200. The certificate is read anew: the server writes it when it starts. */
export async function httpsGet(url: URL, token: string, caPath: string): Promise<boolean> {
  const ca = await readFile(caPath)
  const options = { ca, headers: { authorization: `Bearer ${token}` }, timeout: 2_000 }
  return new Promise((resolve, reject) => {
    const request = get(url, { ...options, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    request.once('timeout', () => request.destroy(new Error('no answer')))
    request.once('error', reject)
  })
}
