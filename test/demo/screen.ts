/** All that the demo shows. `render` turns it into lines; nothing else knows about terminals. */
export interface DemoState {
  /** What is happening now; empty when nothing is. */
  step: string
  /** Finished steps, each with what was seen. */
  done: string[]
  /** Output of `kubectl get ac`, with the command. */
  resource: string
  produced: number
  delivered: number
  /** Newest last. */
  objects: { key: string; sizeBytes: number }[]
  /** One line of one object. */
  sampleLine: string
}

export function initialState(): DemoState {
  return { step: 'starting', done: [], resource: '', produced: 0, delivered: 0, objects: [], sampleLine: '' }
}

const OBJECTS_SHOWN = 6
/** Width of what is printed where no terminal says how wide it is. */
const PLAIN_COLUMNS = 160

/**
 * One screen of text.
 * @param columns longer lines are cut, so that a redraw never wraps
 */
export function render(state: DemoState, columns: number): string {
  return cut(
    [
      ...state.done.map((line) => `  ✔ ${line}`),
      ...(state.step ? [`  … ${state.step}`] : []),
      '',
      ...facts(state, columns),
    ],
    columns,
  )
}

/** What can be looked at now: the resource, the counts, the newest objects and one line of one. */
function facts(state: DemoState, columns: number): string[] {
  return [
    '$ kubectl get ac',
    ...state.resource.trimEnd().split('\n'),
    '',
    `events produced ${count(state.produced)}   in the bucket ${count(state.delivered)}   objects ${count(state.objects.length)}`,
    ...state.objects
      .slice(-OBJECTS_SHOWN)
      .map(({ key, sizeBytes }) => `${size(sizeBytes).padStart(9)}  ${endOf(key, columns - 11)}`),
    '',
    ...(state.sampleLine ? ['one line of one object:', state.sampleLine] : []),
  ]
}

function cut(lines: readonly string[], columns: number): string {
  return lines.map((line) => (line.length > columns ? `${line.slice(0, columns - 1)}…` : line)).join('\n')
}

/** The end of a key tells objects apart: partition and offset. */
function endOf(key: string, columns: number): string {
  return key.length > columns ? `…${key.slice(1 - columns)}` : key
}

function count(n: number): string {
  return n.toLocaleString('en-US')
}

function size(bytes: number): string {
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}

/** Draws the state over and over on a terminal; elsewhere it prints each finished step once. */
export class Screen {
  readonly state = initialState()
  readonly #out: NodeJS.WriteStream
  #timer: NodeJS.Timeout | undefined

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
  }

  /** From here on the terminal belongs to the screen, until `close`. */
  open(): void {
    if (!this.#out.isTTY) return
    this.#out.write('\x1b[2J')
    this.#timer = setInterval(() => this.#draw(), 500)
  }

  begin(step: string): void {
    this.state.step = step
    if (!this.#timer) this.#out.write(`… ${step}\n`)
  }

  finish(seen: string): void {
    this.state.done.push(seen)
    this.state.step = ''
    if (!this.#timer) this.#out.write(`✔ ${seen}\n`)
  }

  /** Where no terminal shows them all the time, prints the facts as they are now. */
  printFacts(): void {
    if (!this.#timer) this.#out.write(`\n${cut(facts(this.state, PLAIN_COLUMNS), PLAIN_COLUMNS)}\n\n`)
  }

  close(): void {
    if (!this.#timer) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#draw()
    this.#out.write('\n')
  }

  #draw(): void {
    // Home, then erase each line's rest and everything below: no flicker, nothing left of a longer frame.
    const text = render(this.state, this.#out.columns ?? 120)
    this.#out.write(`\x1b[H${text.replaceAll('\n', '\x1b[K\n')}\x1b[J`)
  }
}
