/** Shapes of which the first text is kept whole. More of them are of objects that nobody makes in numbers. */
const MAX_MODELS = 256
/**
 * Longest text that is a model, or is compared with one. Most have a few KiB; whoever gives a connector one topic after the other, up to a
 * megabyte, makes one shape after the other of a text of which there is only one at any time.
 */
const MAX_LENGTH = 65_536

/**
 * Makes JSON texts of objects of one kind small. One operator makes such objects by one template, so a text is packed as its differences from
 * the first one with as many quotes, its model: some 200 bytes of a Deployment of 6 KiB, in less time than JSON.parse takes. zlib with a
 * dictionary comes to the same size at several times the processor time.
 *
 * Nothing is lost, whatever the texts: a text that is unlike its model is kept as it is. A model stays for good, so equal texts are packed equally.
 */
export class AlikeTexts {
  readonly #models = new Map<number, Model>()

  /** @param text not beginning with a digit, as JSON of an object does not */
  pack(text: string): string {
    if (text.length > MAX_LENGTH) return text
    const count = quotesIn(text)
    let model = this.#models.get(count)
    if (!model) {
      if (this.#models.size >= MAX_MODELS) return text
      model = new Model(text)
      this.#models.set(count, model)
    }
    // Joined, it is a string of its own that does not keep `text` in memory.
    const packed = [count, ...model.differencesOf(text)].join('"')
    return packed.length < text.length ? packed : text
  }

  /** @param packed what `pack` of this very instance has made */
  unpack(packed: string): string {
    const [count, ...differences] = packed.split('"')
    return this.#models.get(Number(count))?.textOf(differences) ?? packed
  }
}

/** A token that is not the same in all texts. */
interface Place {
  readonly place: string
  /** Index of the first place that has the same string in the model; its own for the first. */
  readonly first: number
  /** The model's. */
  readonly token: string
  /** What all texts have between the place before and this one. */
  readonly before: string
}

/**
 * The first text of a shape, split at its quotes: names and strings of JSON are at odd places, and what is between them at even ones. A difference is
 * a place and the token there, where that is another one than expected: the model's, or where the model repeats a string (a name is in labels, owner and
 * selector), what the text has at the first of these places.
 */
class Model {
  readonly #tokens: readonly string[]
  readonly #firstPlaces: readonly number[]
  /** First places of the strings that were another one in any text so far: only there, and where these are repeated, is looked for differences. */
  readonly #varying = new Set<number>()
  #places: readonly Place[] = []
  /** Behind the last place. */
  #rest: string

  constructor(text: string) {
    this.#tokens = text.split('"')
    this.#firstPlaces = this.#tokens.map((token, i) => (i % 2 === 1 ? this.#tokens.indexOf(token) : i))
    this.#rest = text
  }

  /** @param text one with as many quotes */
  differencesOf(text: string): string[] {
    const found = this.#search(text)
    if (found) return found
    this.#learn(text)
    return this.#search(text) ?? []
  }

  /** The reverse. */
  textOf(differences: readonly string[]): string {
    const tokens: string[] = []
    let text = ''
    let next = 0
    for (const { place, first, token, before } of this.#places) {
      const differs = differences[next] === place
      const here = (differs ? differences[next + 1] : (tokens[first] ?? token)) as string
      if (differs) next += 2
      tokens.push(here)
      text += before + here
    }
    return text + this.#rest
  }

  /** @returns undefined when the text varies where none has so far */
  #search(text: string): string[] | undefined {
    const differences: string[] = []
    const tokens: string[] = []
    let at = 0
    for (const { place, first, token, before } of this.#places) {
      if (!text.startsWith(before, at)) return undefined
      at += before.length
      const end = text.indexOf('"', at)
      const here = text.slice(at, end === -1 ? text.length : end)
      if (here !== (tokens[first] ?? token)) differences.push(place, here)
      tokens.push(here)
      at += here.length
    }
    return text.length - at === this.#rest.length && text.endsWith(this.#rest) ? differences : undefined
  }

  #learn(text: string): void {
    for (const [i, token] of text.split('"').entries()) {
      if (token !== this.#tokens[i]) this.#varying.add(this.#firstPlaces[i] as number)
    }
    const varying = this.#firstPlaces.flatMap((first, i) => (this.#varying.has(first) ? i : []))
    this.#places = varying.map((i, index) => ({
      place: String(i),
      first: varying.indexOf(this.#firstPlaces[i] as number),
      token: this.#tokens[i] as string,
      before: this.#between(varying[index - 1] ?? -1, i),
    }))
    this.#rest = this.#between(varying.at(-1) ?? -1, this.#tokens.length)
  }

  /** The text between two places, with the quotes next to them. */
  #between(from: number, to: number): string {
    const edge = (isThere: boolean) => (isThere ? [''] : [])
    return [...edge(from >= 0), ...this.#tokens.slice(from + 1, to), ...edge(to < this.#tokens.length)].join('"')
  }
}

function quotesIn(text: string): number {
  let count = 0
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) count++
  return count
}
