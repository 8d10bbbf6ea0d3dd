// What readers wait for and no slot holds yet, by block, oldest first. Several readers that want
// the same block share one entry.

import type { Demand } from './demand-fetcher.js'

/** Everything wanted of one block. Offsets are of the image. */
export interface DemandEntry {
  readonly block: number
  /** Least range that holds all that is wanted. */
  offset: number
  /** Exclusive. */
  end: number
  /** When the oldest of it came, monotonic milliseconds. */
  readonly sinceMs: number
  readonly demands: Demand[]
}

/** Demands that wait for a request. */
export class DemandQueue {
  readonly #blockBytes: number
  /** A Map keeps its order of insertion: the first entry is the oldest. */
  readonly #entries = new Map<number, DemandEntry>()

  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes
  }

  get size(): number {
    return this.#entries.size
  }

  /** The entry that has waited longest. */
  get oldest(): DemandEntry | undefined {
    return this.#entries.values().next().value
  }

  /** The entry of a block. */
  of(block: number): DemandEntry | undefined {
    return this.#entries.get(block)
  }

  add(demand: Demand, nowMs: number): void {
    const block = Math.floor(demand.offset / this.#blockBytes)
    const entry = this.#entries.get(block)
    if (entry === undefined) {
      this.#entries.set(block, {
        block,
        offset: demand.offset,
        end: demand.end,
        sinceMs: nowMs,
        demands: [demand],
      })
      return
    }
    entry.offset = Math.min(entry.offset, demand.offset)
    entry.end = Math.max(entry.end, demand.end)
    entry.demands.push(demand)
  }

  /** Nobody waits for this one any more. */
  withdraw(demand: Demand): void {
    const block = Math.floor(demand.offset / this.#blockBytes)
    const entry = this.#entries.get(block)
    const index = entry?.demands.indexOf(demand) ?? -1
    if (entry === undefined || index === -1) return
    entry.demands.splice(index, 1)
    if (entry.demands.length === 0) this.#entries.delete(block)
  }

  /** Takes a block's entry out. */
  take(block: number): readonly Demand[] {
    const demands = this.#entries.get(block)?.demands ?? []
    this.#entries.delete(block)
    return demands
  }

  /** Takes everything out. */
  takeAll(): readonly Demand[] {
    const demands = [...this.#entries.values()].flatMap(entry => entry.demands)
    this.#entries.clear()
    return demands
  }
}
