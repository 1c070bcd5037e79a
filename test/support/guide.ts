import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from '../repository.ts'

/** Commands of a page, with what it says that they print, if it does. */
export interface GuideStep {
  /** The heading above. */
  readonly section: string
  readonly commands: string
  /** Parsed JSON. */
  readonly reply: unknown
  /** A comment above them says that a test does this in its own way. */
  readonly isElsewhere: boolean
}

/** The fenced `sh` blocks of a page in docs, in order; a `json` block behind one is its reply. */
export function guideSteps(page: string): GuideStep[] {
  const text = readFileSync(join(REPOSITORY, 'docs', page), 'utf8')
  const pattern = /^## (.+)$|(<!-- elsewhere:[^>]*-->\n)?^```sh\n([\s\S]*?)^```\n(?:```json\n([\s\S]*?)^```)?/gm
  let section = ''
  const steps: GuideStep[] = []
  for (const [, heading, elsewhere, commands, reply] of text.matchAll(pattern)) {
    if (heading !== undefined) section = heading
    else if (commands !== undefined) {
      const parsed = reply === undefined ? undefined : JSON.parse(reply)
      steps.push({ section, commands, reply: parsed, isElsewhere: elsewhere !== undefined })
    }
  }
  return steps
}

/** A reply as the page can know it: what each answer has of its own (numbers, times, tokens, digits in names) is left out. */
export function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf)
  if (typeof value === 'number') return 'a number'
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, key === 'Action' ? each : shapeOf(each)]),
    )
  }
  if (typeof value !== 'string') return value
  return value
    .replace(/^eyJ.*$/, 'a token')
    .replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, 'a time')
    .replace(/-\d{6}$/, '-digits')
}
