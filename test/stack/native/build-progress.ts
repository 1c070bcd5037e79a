const reportEveryMs = 10_000

/**
 * Share of the packages compiled, and share of the time it took, as seen in a build of Kubernetes: the large packages
 * come late, and the rest of the time goes into linking.
 */
const seenProgress = [
  [0, 0],
  [0.2, 0.08],
  [0.5, 0.31],
  [0.8, 0.55],
  [0.9, 0.67],
  [0.96, 0.76],
  [0.99, 0.88],
  [1, 0.95],
] as const

/** Turns the lines of `go build -v` into a line of progress now and then, with an estimate of the time left. */
export class BuildProgress {
  readonly #what: string
  readonly #packageCount: number
  readonly #usualSeconds: number
  readonly #progress: (line: string) => void
  readonly #startedAt = Date.now()
  readonly #timer: NodeJS.Timeout
  #downloaded = 0
  #compiled = 0
  #compilingSince: number | undefined

  constructor(what: string, packageCount: number, usualSeconds: number, progress: (line: string) => void) {
    this.#what = what
    this.#packageCount = packageCount
    this.#usualSeconds = usualSeconds
    this.#progress = progress
    progress(`${what}: compiling it from source, once; this takes 4 to 10 minutes`)
    this.#timer = setInterval(() => this.#report(), reportEveryMs)
    this.#timer.unref()
  }

  /** One line of what the go command says. */
  read(line: string): void {
    if (line.startsWith('go: downloading')) this.#downloaded += 1
    else if (/^[\w./-]+$/.test(line)) {
      this.#compiled += 1
      this.#compilingSince ??= Date.now()
    }
  }

  end(): void {
    clearInterval(this.#timer)
  }

  #report(): void {
    const elapsed = clock(Date.now() - this.#startedAt)
    if (this.#compilingSince === undefined) {
      this.#progress(`${this.#what}: ${this.#downloaded} modules downloaded, ${elapsed} elapsed`)
      return
    }
    const share = Math.min(this.#compiled / this.#packageCount, 1)
    const left = remainingMs(timeShare(share), Date.now() - this.#compilingSince, this.#usualSeconds * 1000)
    const estimate = share === 1 ? 'linking, some seconds to go' : `about ${clock(left)} to go`
    this.#progress(
      `${this.#what}: ${this.#compiled} of ${this.#packageCount} packages compiled, ${elapsed} elapsed, ${estimate}`,
    )
  }
}

/** The share of the time that has passed when a share of the packages is compiled. */
export function timeShare(packageShare: number): number {
  const next = Math.max(
    seenProgress.findIndex(([packages]) => packages >= packageShare),
    1,
  )
  const [fromPackages, fromTime] = seenProgress[next - 1] ?? seenProgress[0]
  const [toPackages, toTime] = seenProgress[next] ?? seenProgress[seenProgress.length - 1] ?? seenProgress[0]
  return fromTime + ((packageShare - fromPackages) / (toPackages - fromPackages)) * (toTime - fromTime)
}

/**
 * The time left when `share` of the work took `elapsedMs`. At first the usual time is all that is known; what was
 * seen counts the more the further the build is.
 */
export function remainingMs(share: number, elapsedMs: number, usualMs: number): number {
  const seen = share === 0 ? usualMs : elapsedMs / share
  const total = share * seen + (1 - share) * Math.max(usualMs, elapsedMs)
  return Math.max(total - elapsedMs, 0)
}

/** Minutes and seconds: `3:07`. */
export function clock(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
