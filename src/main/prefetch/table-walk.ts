// A list of places that readers take in order, with other reads between: how far the reader has
// come, and how far ahead of it to fetch. Whoever jumps about in the list is not led; whoever walks
// gets a lead that grows with the steps taken, so that little is fetched in vain when it stops. In
// all, no more is asked for than FIRST_LEAD places and six a read. Pure.

/** Places fetched before a step was taken: what the connections can carry at one time. */
const FIRST_LEAD = 16
/** Places a walk may leave out with one step; beyond, it is a jump. */
const STRIDE = 4

/** One walk through a list. Indices count the list's places. */
export class TableWalk {
  /** Where each place lies, in the order of the walk. */
  readonly #offsets: number[] = []
  readonly #indices = new Map<number, number>()
  readonly #maxLead: number
  /** Place the reader took last; -1 before the first. */
  #position = -1
  /** Steps it has taken without a jump. */
  #steps = 0
  /** Lead given in advance: to a walk from the start, once. */
  #firstLead = FIRST_LEAD
  /** A place taken out of turn: from its successor on there is another walk. */
  #trial = -1
  /** Every place below was asked for, or was not worth it. */
  #asked = 0

  /** @param maxLead most places ahead of the reader, 0 for none */
  constructor(maxLead: number) {
    this.#maxLead = maxLead
  }

  /** Places known. */
  get length(): number {
    return this.#offsets.length
  }

  /** Adds places at the end. One that the list has already is left out: its walk is the first. */
  add(offsets: readonly number[]): void {
    for (const offset of offsets) {
      if (this.#indices.has(offset)) continue
      this.#indices.set(offset, this.#offsets.length)
      this.#offsets.push(offset)
    }
  }

  /** True if a place of the list begins at `offset`. */
  has(offset: number): boolean {
    return this.#indices.has(offset)
  }

  /**
   * Notes that the bytes from `offset` on were read.
   *
   * @returns true if a place of the list begins there
   */
  read(offset: number): boolean {
    const index = this.#indices.get(offset)
    if (index === undefined) return false
    if (index > this.#position && index <= this.#position + STRIDE) {
      this.#steps++
      this.#position = index
    } else if (this.#trial !== -1 && index === this.#trial + 1) {
      this.#position = index
      this.#firstLead = 0
      this.#steps = 2
      this.#asked = index + 1
    }
    this.#trial = index
    this.#asked = Math.max(this.#asked, this.#position + 1)
    return true
  }

  /** The next place to ask for; undefined if the lead is long enough. */
  get next(): number | undefined {
    return this.#asked < this.#end ? this.#offsets[this.#asked] : undefined
  }

  /** Places that may be asked for together with `next`, in order: those behind it. */
  get following(): readonly number[] {
    return this.#offsets.slice(this.#asked + 1, this.#end)
  }

  /** The next place was asked for, or needs no asking: never again in this walk. */
  pass(): void {
    this.#asked++
  }

  /** True if a place that was asked for and not reached lies in [from, to). */
  isAhead(from: number, to: number): boolean {
    for (let index = this.#position + 1; index < this.#asked; index++) {
      const offset = this.#offsets[index] as number
      if (offset >= from && offset < to) return true
    }
    return false
  }

  /** Index, exclusive, up to which places are to be asked for. */
  get #end(): number {
    const lead = Math.min(this.#maxLead, this.#firstLead + 2 * this.#steps)
    return Math.min(this.#offsets.length, this.#position + 1 + lead)
  }
}
