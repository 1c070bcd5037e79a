import { Agent } from 'undici'

/**
 * Makes a function that GETs a URL and parses the JSON of its answer. Connections are kept for a few questions, but not for ever:
 * pods come and go, and an address may be another pod's tomorrow.
 */
export function jsonGetter(): {
  getJson: (url: string, signal: AbortSignal) => Promise<unknown>
  close: () => Promise<void>
} {
  const agent = new Agent({ connect: { timeout: 2_000 }, keepAliveTimeout: 15_000, allowH2: false })
  return {
    getJson: async (url, signal) => {
      const { origin, pathname } = new URL(url)
      const { statusCode, body } = await agent.request({ origin, path: pathname, method: 'GET', signal })
      if (statusCode === 200) return body.json()
      await body.dump()
      throw new Error(`HTTP ${statusCode}`)
    },
    close: () => agent.destroy(),
  }
}
