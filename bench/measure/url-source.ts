// Somebody's own server as an origin of the bench: how much of it may be read, the bytes that
// copies are compared with, and what it saw.

import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { OriginAddress } from '../cases/peer.js'
import { FileImage } from '../slow-server/file-image.js'
import { type Content, fileContent } from './images.js'
import { type Counters, type Origin, useOf } from './origin.js'
import { probe, type Remote, UrlGate, wholeOf } from './url-gate.js'

/** The profile's name in results. */
export const URL_PROFILE = 'url'

const MiB = 1024 ** 2
/** Peers fetch more than they serve: qemu's driver an eighth. */
const WASTE = 1.25

/** What will be read, found out before anything is. */
export interface UrlPlan {
  readonly remote: Remote
  /** Bytes of each copy, from the start of the file. */
  readonly size: number
  readonly copies: number
  /** Body bytes, all together, at most. */
  readonly budget: number
}

/**
 * How large the copies may be so that all of them fit into the budget.
 * @param copies - of all cells together
 * @throws Error if the budget is too small, or the URL does not answer ranges
 */
export async function planUrl(url: string, budget: number, copies: number): Promise<UrlPlan> {
  const remote = await probe(url)
  const size = sizeWithin(budget, copies, remote.size)
  if (size === 0) {
    const least = Math.ceil(1 + copies * WASTE)
    throw new Error(`Cannot measure with this --budget: ${copies} copies need ${least} MiB`)
  }
  return { remote, size, copies, budget }
}

/** Whole MiB, 0 if not even one fits; the file's size if it is smaller. */
export function sizeWithin(budget: number, copies: number, available: number): number {
  const most = Math.floor(budget / (1 + copies * WASTE) / MiB) * MiB
  return Math.min(most, available)
}

/** What is about to be done to the server, in words. */
export function planLines({ remote, size, copies, budget }: UrlPlan): string[] {
  const { host } = new URL(remote.url)
  return [
    `This reads from ${host}: the first ${(size / MiB).toFixed(0)} MiB of ${(remote.size / MiB).toFixed(0)}, ${copies + 1} times,`,
    `mostly with up to 16 connections at a time, and stops at ${(budget / MiB).toFixed(0)} MiB in all.`,
  ]
}

/** The origin and the bytes to compare with. */
export async function openUrl(
  plan: UrlPlan,
  directory: string,
): Promise<{ readonly origin: Origin; readonly content: Content }> {
  const gate = await UrlGate.open(plan.remote, plan.size, plan.budget)
  try {
    const file = join(directory, 'reference.raw')
    await pipeline(await wholeOf(gate), createWriteStream(file))
    const image = new FileImage(file)
    if (image.size !== plan.size) throw new Error('Cannot read the image: the server ended early')
    return { origin: new UrlOrigin(gate, directory), content: fileContent(image) }
  } catch (error) {
    await gate[Symbol.asyncDispose]()
    throw error
  }
}

class UrlOrigin implements Origin {
  readonly #gate: UrlGate
  readonly #directory: string
  #before: Counters = { bytes: 0, requests: 0, connections: 0 }

  constructor(gate: UrlGate, directory: string) {
    this.#gate = gate
    this.#directory = directory
  }

  addresses(disks: number): readonly OriginAddress[] {
    return Array.from({ length: disks }, () => ({
      url: this.#gate.url,
      directory: this.#directory,
    }))
  }

  sentSoFar(): Promise<number> {
    const { bytesSent, requests } = this.#gate.log.statistics
    return Promise.resolve(bytesSent + requests)
  }

  begin(): Promise<void> {
    this.#gate.log.clear()
    this.#before = this.#counters()
    return Promise.resolve()
  }

  end() {
    const after = this.#counters()
    const log = [...this.#gate.log.entries]
    return Promise.resolve({ use: useOf(this.#before, after, log), log })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#gate[Symbol.asyncDispose]()
  }

  #counters(): Counters {
    const { bytesSent, requests, connectionsAccepted } = this.#gate.log.statistics
    return { bytes: bytesSent, requests, connections: connectionsAccepted }
  }
}
