import { mergePatch } from './merge-patch.ts'
import { type ManifestCase, right } from './right-manifests.ts'

export interface WrongManifest extends ManifestCase {
  /** The field that the message must name. */
  readonly field: string
  /** The value, as the message must show it; none where the server can only name the field. */
  readonly value?: string
  /** Part of what the message must say about what is allowed. */
  readonly allowed: string | RegExp
}

export type Patch = Record<string, unknown>
export type Said = Pick<WrongManifest, 'field' | 'value' | 'allowed'>

export const wrong = (what: string, patch: Patch, said: Said): WrongManifest => ({
  what,
  manifest: mergePatch(right, patch),
  ...said,
})

export const wrongSpec = (what: string, spec: Patch, said: Said) => wrong(what, { spec }, said)
