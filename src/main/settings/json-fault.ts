// What is wrong with a text that should be JSON, and where: JSON.parse names no place for most
// mistakes, shows a piece of the text, which may be a secret, and lets a repeated key win unseen.

/** The first fault of a text. */
export interface JsonFault {
  /** From 1. */
  readonly line: number
  /** In UTF-16 units from 1. */
  readonly column: number
  /** For a message: 'expected a value'. Holds nothing of the text but a repeated key. */
  readonly what: string
}

/** Configuration is flat; deeper than this is none. */
const DEEPEST = 32
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y
const WORD = /true|false|null/y
const SPACE = /[ \t\r\n]*/y

/** The first fault; undefined for JSON without repeated keys. */
export function findJsonFault(text: string): JsonFault | undefined {
  try {
    new Reader(text).document()
    return undefined
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const before = text.slice(0, error.at).split('\n')
    return {
      line: before.length,
      column: (before.at(-1) ?? '').length + 1,
      what: error.message,
    }
  }
}

class Fault extends Error {
  readonly at: number

  constructor(at: number, what: string) {
    super(what)
    this.at = at
  }
}

/** Goes through a text once; its methods leave the place behind what they read. */
class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): void {
    this.#value(0)
    this.#take(SPACE)
    if (this.#at < this.#text.length) this.#fail('expected nothing behind the last bracket')
  }

  #value(depth: number): void {
    if (depth > DEEPEST) this.#fail('it is nested too deeply')
    this.#take(SPACE)
    const next = this.#text[this.#at]
    if (next === '{') this.#object(depth)
    else if (next === '[') this.#members(']', () => this.#value(depth + 1))
    else if (next === '"') this.#string()
    else if (!this.#take(NUMBER) && !this.#take(WORD)) {
      this.#fail(next === undefined ? 'it ends too early' : 'expected a value')
    }
  }

  #object(depth: number): void {
    const keys = new Set<string>()
    this.#members('}', () => {
      const at = this.#at
      if (this.#text[at] !== '"') this.#fail('expected a key in double quotes')
      this.#string()
      const key = JSON.parse(this.#text.slice(at, this.#at)) as string
      if (keys.has(key)) throw new Fault(at, `'${key}' is there twice`)
      keys.add(key)
      this.#take(SPACE)
      if (this.#text[this.#at] !== ':') this.#fail('expected a colon')
      this.#at++
      this.#value(depth + 1)
    })
  }

  /** What stands between brackets, parted by commas. */
  #members(end: string, member: () => void): void {
    this.#at++
    this.#take(SPACE)
    if (this.#text[this.#at] === end) {
      this.#at++
      return
    }
    for (;;) {
      member()
      this.#take(SPACE)
      const next = this.#text[this.#at++]
      if (next === end) return
      if (next !== ',') {
        this.#at--
        this.#fail(next === undefined ? 'it ends too early' : `expected a comma or '${end}'`)
      }
      this.#take(SPACE)
    }
  }

  #string(): void {
    this.#at++
    for (;;) {
      const next = this.#text[this.#at]
      if (next === undefined) this.#fail('it ends within a text')
      if (next === '"') break
      if (next === '\\') {
        if (!this.#take(ESCAPE)) this.#fail('a backslash here is no escape')
      } else if ((next as string) < ' ') {
        this.#fail('a text has a line break or control character')
      } else this.#at++
    }
    this.#at++
  }

  /** True if there was something of the pattern. */
  #take(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0].length ?? 0
    this.#at += found
    return found > 0
  }

  #fail(what: string): never {
    throw new Fault(this.#at, what)
  }
}
