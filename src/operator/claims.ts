import { createHash } from 'node:crypto'
import { keyPattern, parseTemplate } from '../contract/path-template.ts'
import type { SinkConfig } from '../contract/sink-config.ts'

/** What no two connectors should share. Two claims of one name clash when at least one of them is for all of it. */
export interface Claim {
  /** Membership of a consumer group, or the keys of objects. */
  readonly of: 'group' | 'keys'
  /** Short, and equal for equal things. */
  readonly name: string
  /** For all of what is named, or for some of it. */
  readonly isWhole: boolean
}

/** In a filter: every namespace, every topic. */
const ANY = '*'
/**
 * Claims of one connector that are looked at. A filter may have thousands of topics beside dozens of namespaces with all topics, each of
 * which may be of many namespaces by its dots: of one such connector all claims, some millions, would be more than an operator has memory for.
 */
const MOST_CLAIMS = 10_000
/** Length of a claim's name, a hash: more than enough that no two claims ever share one. */
const NAME_BYTES = 12

/**
 * What a connector claims. Pure.
 *
 * A key is made of the path, the topic, the partition, the first offset of a set and the epoch. So two connectors can write one key when bucket,
 * epoch and customPath (with its constants and the extension that is written) are the same and they have a topic in common, and where the
 * path shows the namespace, a namespace too. The Kafka cluster of a topic makes no difference, nor do time partitions, which begin at the same times.
 * Not noticed are different paths that meet for some values, such as `{namespace}/…` and `acme/…`, and what is beyond MOST_CLAIMS.
 */
export function claimsOf(config: SinkConfig): Claim[] {
  const byName = new Map(groupClaims(config).map((claim) => [claim.name, claim]))
  let looked = 0
  for (const claim of keyClaims(config)) {
    if (++looked > MOST_CLAIMS) break
    if (claim.isWhole || !byName.has(claim.name)) byName.set(claim.name, claim)
  }
  return [...byName.values()]
}

/** Two lists of servers are of one cluster when they have a server in common. */
function groupClaims({ kafka }: SinkConfig): Claim[] {
  return kafka.bootstrapServers.map((server) => ({ of: 'group', name: named([server, kafka.groupId]), isWhole: true }))
}

function* keyClaims(config: SinkConfig): Generator<Claim> {
  const { s3, path, kafka } = config
  const place = [s3.endpoint ?? '', s3.bucketName, kafka.epoch, keyPattern(path.template, config)]
  const showsNamespace = parseTemplate(path.template).values.has('namespace')
  const claim = (isWhole: boolean) => (what: string) =>
    ({ of: 'keys', name: named([...place, what]), isWhole }) as const
  for (const [namespace, topic] of selections(config)) {
    const { all, some } = namesOf({ namespace, topic, shown: showsNamespace ? namespace : ANY }, config)
    yield claim(true)(all)
    yield* some.map(claim(false))
  }
}

/** `[namespace, topic]` as the filter has them; a topic that is named is read for the namespaces of every topic as well. */
function* selections({ filter }: SinkConfig): Generator<[namespace: string, topic: string]> {
  const named = new Set(Object.values(filter).flat())
  for (const [namespace, topics] of Object.entries(filter)) {
    for (const topic of topics.includes(ANY) ? [ANY, ...named] : topics) yield [namespace, topic]
  }
}

/** The narrowest name that has all of a selection, and wider ones that other connectors may have all of. `shown`: what paths show of the namespace. */
function namesOf(
  { namespace, topic, shown }: { readonly namespace: string; readonly topic: string; readonly shown: string },
  config: SinkConfig,
): { all: string; some: string[] } {
  if (topic === ANY && namespace === ANY) return { all: EVERYTHING, some: [] }
  if (topic === ANY) return { all: topicsOf(namespace), some: [EVERYTHING] }
  const possible = namespacesOf(topic, config)
  const likely = possible.includes(namespace) ? [namespace] : possible
  return {
    all: `topic ${topic} ${shown}`,
    some: [
      ...(shown === ANY ? [] : [`topic ${topic} ${ANY}`]),
      ...likely.map(topicsOf),
      ...(possible.length > 0 ? [EVERYTHING] : []),
    ],
  }
}

const EVERYTHING = 'everything'
const topicsOf = (namespace: string) => `topics of ${namespace}`

/** The namespaces of which a topic may be by its name: `acme.eu.login` is event `login` of `acme.eu`, or `eu.login` of `acme`. */
function namespacesOf(topic: string, { topicPattern, realm }: SinkConfig): string[] {
  const [before = '', after] = topicPattern.replaceAll('{realm}', realm).split('{namespace}')
  if (after === undefined || !topic.startsWith(before)) return []
  const rest = topic.slice(before.length)
  const [separator = ''] = after.split('{eventName}')
  if (separator === '') return [rest]
  return rest.split(separator).flatMap((_part, i, parts) => (i === 0 ? [] : parts.slice(0, i).join(separator)))
}

function named(parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest().toString('base64url', 0, NAME_BYTES)
}
