import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { S3_CREDENTIALS_KEYS as KEYS } from '../contract/names.ts'

export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  readonly expiration: Date
}

/** The SDK asks again for credentials that end within five minutes; these shall be read again ten seconds later. */
const SDK_EXPIRY_WINDOW_MS = 5 * 60_000
const REREAD_AFTER_MS = 10_000

/**
 * Credentials from the files of a mounted Secret, one file a key (S3_CREDENTIALS_KEYS); the session token is for temporary ones.
 * Read again every ten seconds, so a rotated Secret is used without a restart.
 */
export function mountedCredentials(dir: string): () => Promise<S3Credentials> {
  return async () => {
    // One after the other: where several are missing, the same one is told each time, and the status stays as it is.
    const accessKeyId = await required(dir, KEYS.accessKeyId)
    const secretAccessKey = await required(dir, KEYS.secretAccessKey)
    const sessionToken = await optional(dir, KEYS.sessionToken)
    const expiration = new Date(Date.now() + SDK_EXPIRY_WINDOW_MS + REREAD_AFTER_MS)
    return { accessKeyId, secretAccessKey, expiration, ...(sessionToken ? { sessionToken } : {}) }
  }
}

async function required(dir: string, key: string): Promise<string> {
  const value = await optional(dir, key)
  if (value) return value
  throw Object.assign(new Error(`the Secret of spec.config.credentialsSecretRef is missing or has no key ${key}`), {
    name: 'CredentialsProviderError',
  })
}

async function optional(dir: string, key: string): Promise<string | null> {
  try {
    return (await readFile(join(dir, key), 'utf8')).trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}
