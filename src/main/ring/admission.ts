// Admits reads to the ring: a token is the right to hold one slot for a reply. There are fewer
// tokens than slots and fetches ahead never take the slots the tokens stand for, so whoever holds a
// token can always get a slot; tokens are given back piece by piece, never held while asking for
// more. That is why reads can't deadlock, however many there are and however small the ring.
//
// A client that does not take its replies gives nothing back, so no connection may hold more tokens
// than it leaves free: one alone gets half of them, the next half of the rest, and somebody new
// always finds some, until as many clients are stuck as the tokens can be halved. Before that they are scarce, and
// replies leave as copies (reply-writer.ts), which hold none.

/** Tokens are scarce while fewer than this share of them is free: two clients that are stuck hold no more. */
const SCARCE_SHARE = 1 / 4

/** A piece of a read that waits for its token. */
interface Waiter {
  readonly granted: () => void
  readonly order: number
}

/**
 * Counts tokens and shares them fairly: the connection that holds the fewest is served first, and
 * none that holds as many as are free.
 */
export class Admission {
  /** Tokens in all. */
  readonly total: number
  #free: number
  readonly #held = new Map<number, number>()
  readonly #waiting = new Map<number, Waiter[]>()
  #order = 0
  /** True while tokens are handed out: who gets one may give it back at once, or ask for another. */
  #granting = false

  /** @param total at least 1, and at most the ring's slots less one */
  constructor(total: number) {
    this.total = total
    this.#free = total
  }

  /** Tokens nobody holds. */
  get free(): number {
    return this.#free
  }

  /** True while so few are free that replies should not hold any on their way out. */
  get isScarce(): boolean {
    return this.#free < this.total * SCARCE_SHARE
  }

  /** Pieces that wait for a token. */
  get waiting(): number {
    let count = 0
    for (const waiters of this.#waiting.values()) count += waiters.length
    return count
  }

  /** Takes a token at once. @returns false if there is none for this connection, or it has others in line */
  tryTake(connection: number): boolean {
    if (this.#waiting.has(connection) || !this.#mayHold(connection)) return false
    this.#hold(connection)
    return true
  }

  /** Takes a token as soon as there is one; `granted` may be called before this returns. */
  take(connection: number, granted: () => void): void {
    const waiters = this.#waiting.get(connection)
    const waiter = { granted, order: this.#order++ }
    if (waiters === undefined) this.#waiting.set(connection, [waiter])
    else waiters.push(waiter)
    this.#grant()
  }

  /** Gives a token back. */
  give(connection: number): void {
    const held = this.#held.get(connection) ?? 0
    if (held === 0) throw new Error(`Cannot give back a token: connection ${connection} holds none`)
    if (held === 1) this.#held.delete(connection)
    else this.#held.set(connection, held - 1)
    this.#free++
    this.#grant()
  }

  #mayHold(connection: number): boolean {
    return (this.#held.get(connection) ?? 0) < this.#free
  }

  #hold(connection: number): void {
    this.#free--
    this.#held.set(connection, (this.#held.get(connection) ?? 0) + 1)
  }

  #grant(): void {
    // One by one instead of each from within the one before: thousands may be in line.
    if (this.#granting) return
    this.#granting = true
    try {
      while (this.#waiting.size > 0) {
        const connection = this.#neediest()
        if (!this.#mayHold(connection)) return
        const waiters = this.#waiting.get(connection) as Waiter[]
        const first = waiters.shift() as Waiter
        if (waiters.length === 0) this.#waiting.delete(connection)
        this.#hold(connection)
        first.granted()
      }
    } finally {
      this.#granting = false
    }
  }

  /** The connection that holds the fewest tokens of those that wait; the longest wait decides a tie. */
  #neediest(): number {
    let best = -1
    let bestHeld = Number.POSITIVE_INFINITY
    let bestOrder = Number.POSITIVE_INFINITY
    for (const [connection, waiters] of this.#waiting) {
      const held = this.#held.get(connection) ?? 0
      const order = (waiters[0] as Waiter).order
      if (held < bestHeld || (held === bestHeld && order < bestOrder)) {
        best = connection
        bestHeld = held
        bestOrder = order
      }
    }
    return best
  }
}
