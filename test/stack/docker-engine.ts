import { execFile } from 'node:child_process'

const answerTimeoutMs = 5_000

/** Whether a Docker engine answers, wherever the Docker client is set up to look for one. */
export function isDockerAnswering(): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: answerTimeoutMs }, (error) =>
      resolve(error === null),
    )
  })
}
