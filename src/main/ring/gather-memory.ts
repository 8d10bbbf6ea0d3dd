// Shares out private memory for reads that must be handed out as a whole. A client that does not take
// its replies gives nothing back, so no connection may hold more than it leaves free, as with the
// ring's tokens (admission.ts). What does not fit beside the others, such as a read as large as
// the whole, is let in beyond the total, one at a time, if its connection holds nothing else.

/** A read that waits for memory. */
interface Waiter {
  readonly bytes: number
  readonly granted: (share: GatherShare) => void
  readonly order: number
}

/** Memory of one read, in its right to be given back. */
export interface GatherShare {
  readonly connection: number
  readonly bytes: number
  /** True if it counts beyond the total. */
  readonly extra: boolean
}

/** Counts bytes; allocates nothing. At most `total` and one read more are held at any time. */
export class GatherMemory {
  readonly total: number
  #free: number
  #extra = false
  readonly #held = new Map<number, number>()
  readonly #waiting = new Map<number, Waiter[]>()
  #order = 0
  /** True while memory is handed out: who gets some may give it back at once, or ask for more. */
  #granting = false

  /** @param total bytes */
  constructor(total: number) {
    this.total = total
    this.#free = total
  }

  /** Bytes held now. */
  get held(): number {
    let bytes = 0
    for (const held of this.#held.values()) bytes += held
    return bytes
  }

  /** Reads that wait. */
  get waiting(): number {
    let count = 0
    for (const waiters of this.#waiting.values()) count += waiters.length
    return count
  }

  /**
   * Takes memory as soon as there is some; `granted` may be called before this returns. Reads of one
   * connection are granted in order.
   * @returns a function that takes the wish back; without effect once it was granted
   */
  take(connection: number, bytes: number, granted: (share: GatherShare) => void): () => void {
    const waiter: Waiter = { bytes, granted, order: this.#order++ }
    const waiters = this.#waiting.get(connection)
    if (waiters === undefined) this.#waiting.set(connection, [waiter])
    else waiters.push(waiter)
    this.#grant()
    return () => {
      this.#remove(connection, waiter)
      // It may have been the one that did not fit.
      this.#grant()
    }
  }

  /** Gives memory back, once. */
  give({ connection, bytes, extra }: GatherShare): void {
    const left = (this.#held.get(connection) ?? 0) - bytes
    if (left < 0) throw new Error(`Cannot give back ${bytes} bytes: ${connection} holds fewer`)
    if (left === 0) this.#held.delete(connection)
    else this.#held.set(connection, left)
    if (extra) this.#extra = false
    else this.#free += bytes
    this.#grant()
  }

  #grant(): void {
    // One by one instead of each from within the one before: thousands may be in line.
    if (this.#granting) return
    this.#granting = true
    try {
      for (let next = this.#next(); next !== undefined; next = this.#next()) {
        const { connection, waiter, extra } = next
        this.#remove(connection, waiter)
        this.#held.set(connection, (this.#held.get(connection) ?? 0) + waiter.bytes)
        if (extra) this.#extra = true
        else this.#free -= waiter.bytes
        waiter.granted({ connection, bytes: waiter.bytes, extra })
      }
    } finally {
      this.#granting = false
    }
  }

  /** Of the connections whose first read fits, the one that holds least; the longest wait decides a tie. */
  #next(): { connection: number; waiter: Waiter; extra: boolean } | undefined {
    let best: { connection: number; waiter: Waiter; extra: boolean } | undefined
    let bestHeld = Number.POSITIVE_INFINITY
    for (const [connection, [waiter]] of this.#waiting) {
      if (waiter === undefined) continue
      const held = this.#held.get(connection) ?? 0
      const fits = held + waiter.bytes <= this.#free - waiter.bytes
      if (!fits && (this.#extra || held > 0)) continue
      if (held > bestHeld || (held === bestHeld && waiter.order > (best?.waiter.order ?? 0)))
        continue
      best = { connection, waiter, extra: !fits }
      bestHeld = held
    }
    return best
  }

  #remove(connection: number, waiter: Waiter): void {
    const waiters = this.#waiting.get(connection)
    const index = waiters?.indexOf(waiter) ?? -1
    if (waiters === undefined || index === -1) return
    waiters.splice(index, 1)
    if (waiters.length === 0) this.#waiting.delete(connection)
  }
}
