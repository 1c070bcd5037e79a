import { Agent, get } from 'node:http'
import { json } from 'node:stream/consumers'

/**
 * Makes a function that GETs a URL and parses the JSON of its answer, each time over a connection of its own: a kept connection (and
 * a client for each of them) costs more memory than everything else that is known of a pod, and an address may be another pod's tomorrow.
 */
export function jsonGetter(): {
  getJson: (url: string, signal: AbortSignal) => Promise<unknown>
  close: () => Promise<void>
} {
  const agent = new Agent({ keepAlive: false })
  const getJson = (url: string, signal: AbortSignal) =>
    new Promise<unknown>((resolve, reject) => {
      const request = get(url, { agent, signal }, (response) => {
        if (response.statusCode === 200) return json(response).then(resolve, reject)
        response.resume()
        reject(new Error(`HTTP ${response.statusCode}`))
      })
      request.once('error', (error) => reject(signal.aborted ? signal.reason : error))
    })
  return { getJson, close: async () => agent.destroy() }
}
