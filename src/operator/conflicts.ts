import { type OperatorDefaults, resolveSinkConfig } from '../contract/resolve.ts'
import { type AnalyticsConnector, type KubeObject, keyOf } from '../kube/kinds.ts'
import type { ReflectorEvent } from '../kube/reflector.ts'
import { type Claim, claimsOf } from './claims.ts'

/** That another connector has what this one has, as a condition. */
export interface Conflict {
  readonly reason: 'ConsumerGroupConflict' | 'ObjectKeyConflict'
  readonly message: string
}

export interface ConflictsOptions {
  readonly defaults: OperatorDefaults
  /** Called with each connector whose conflict may have come, gone or become another. */
  readonly onChange: (connectorKey: string) => void
}

interface Claimant {
  readonly key: string
  /** RFC 3339, to the second. */
  readonly createdAt: string
  /** Names the state of the spec that `claims` are of. */
  readonly version: string
  readonly claims: readonly Claim[]
}

/** Who claims one thing, each list with the oldest first. A connector is in one of them. */
interface Claimants {
  readonly whole: readonly Claimant[]
  readonly some: readonly Claimant[]
}

const NOBODY: Claimants = { whole: [], some: [] }

/**
 * Which connectors claim what another one claims too. It is reported on both, as the trouble comes to whichever is second at a key or a partition.
 * It is an index by what is claimed, so an event costs as much as the claims of its connector, however many connectors there are. Each is told only
 * of the oldest other one, so that one more of many is news to few.
 */
export class Conflicts {
  readonly #options: ConflictsOptions
  readonly #claimants = new Map<string, Claimant>()
  readonly #byClaim = new Map<string, Claimants>()

  constructor(options: ConflictsOptions) {
    this.#options = options
  }

  /** Follows the connectors. */
  note({ type, object }: Pick<ReflectorEvent<AnalyticsConnector & KubeObject>, 'type' | 'object'>): void {
    const { uid, generation, creationTimestamp = '' } = object.metadata
    const [key, version] = [keyOf(object), `${uid} ${generation}`]
    const known = this.#claimants.get(key)
    if (type !== 'delete' && known?.version === version) return
    const affected = new Set<Claimant>()
    if (known) this.#remove(known, affected)
    if (type !== 'delete') {
      this.#add({ key, createdAt: creationTimestamp, version, claims: this.#claimsOf(object) }, affected)
    }
    // Whoever is told may ask at once.
    for (const other of affected) if (other.key !== key) this.#options.onChange(other.key)
  }

  /** What to tell about a connector; of two conflicts the one over the group first. */
  of(connectorKey: string): Conflict | undefined {
    const claimant = this.#claimants.get(connectorKey)
    if (!claimant) return undefined
    const group = this.#otherOf(claimant, 'group')
    const keys = this.#otherOf(claimant, 'keys')
    const messages = [...(group ? [groupMessage(group)] : []), ...(keys ? [keysMessage(keys)] : [])]
    if (messages.length === 0) return undefined
    return { reason: group ? 'ConsumerGroupConflict' : 'ObjectKeyConflict', message: messages.join('; ') }
  }

  #otherOf(claimant: Claimant, of: Claim['of']): Claimant | undefined {
    for (const claim of claimant.claims) {
      const claimants = claim.of === of ? this.#byClaim.get(claim.name) : undefined
      const other = claimants && oldestOther(claimant, claim, claimants)
      if (other) return other
    }
    return undefined
  }

  /** A spec that cannot become a configuration claims nothing; its own pass tells why. */
  #claimsOf({ metadata: { namespace = '', name = '' }, spec }: AnalyticsConnector): Claim[] {
    try {
      return claimsOf(resolveSinkConfig({ namespace, name, spec }, this.#options.defaults))
    } catch {
      return []
    }
  }

  #add(claimant: Claimant, affected: Set<Claimant>): void {
    this.#claimants.set(claimant.key, claimant)
    for (const claim of claimant.claims) {
      const claimants = changed(this.#byClaim.get(claim.name) ?? NOBODY, claim, (alike) =>
        alike.toSpliced(placeOf(claimant, alike), 0, claimant),
      )
      this.#byClaim.set(claim.name, claimants)
      noteAffected(claimant, claim, claimants, affected)
    }
  }

  #remove(claimant: Claimant, affected: Set<Claimant>): void {
    this.#claimants.delete(claimant.key)
    for (const claim of claimant.claims) {
      const before = this.#byClaim.get(claim.name) ?? NOBODY
      noteAffected(claimant, claim, before, affected)
      const claimants = changed(before, claim, (alike) => alike.toSpliced(placeOf(claimant, alike), 1))
      if (claimants.whole.length + claimants.some.length > 0) this.#byClaim.set(claim.name, claimants)
      else this.#byClaim.delete(claim.name)
    }
  }
}

/** Nearly all lists have one entry: they are made anew by each change, in the very size that they need. */
function changed(
  { whole, some }: Claimants,
  { isWhole }: Claim,
  change: (alike: readonly Claimant[]) => readonly Claimant[],
): Claimants {
  return isWhole ? { whole: change(whole), some } : { whole, some: change(some) }
}

/** Adds those of whom a claimant may be the oldest other one. */
function noteAffected(
  claimant: Claimant,
  { isWhole }: Claim,
  { whole, some }: Claimants,
  affected: Set<Claimant>,
): void {
  const place = placeOf(claimant, isWhole ? whole : some)
  if (place === 0) for (const other of isWhole ? [...whole, ...some] : whole) affected.add(other)
  else if (place === 1 && isWhole && whole[0]) affected.add(whole[0])
}

function oldestOther(claimant: Claimant, { isWhole }: Claim, { whole, some }: Claimants): Claimant | undefined {
  if (!isWhole) return whole[0]
  const [first, second] = [whole[0] === claimant ? whole[1] : whole[0], some[0]]
  return first && second ? (isOlder(second, first) ? second : first) : (first ?? second)
}

function isOlder(a: Claimant, b: Claimant): boolean {
  return a.createdAt === b.createdAt ? a.key < b.key : a.createdAt < b.createdAt
}

/** Where a claimant is in a list, or belongs. */
function placeOf(claimant: Claimant, sorted: readonly Claimant[]): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isOlder(sorted[middle] as Claimant, claimant)) low = middle + 1
    else high = middle
  }
  return low
}

function groupMessage({ key }: Claimant): string {
  return `${key} has the same consumer group: each of the two gets some of the partitions only. Give one another spec.kafka.groupId`
}

function keysMessage({ key }: Claimant): string {
  return `${key} gives objects of the same topic the same names in the same bucket: the second to come to a name stops that partition, nothing is overwritten. Give one another bucket, customPath or filter`
}
