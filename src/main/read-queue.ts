// The reads of one connection, from their request to their last message: starts them in order while
// the client keeps up with what it is owed, takes back what it does not come to take, and gives
// everything back when it leaves.

import type { Failure } from '../shared/failure.js'
import { failureOf } from '../shared/failures.js'
import type { Export } from './export.js'
import type { Log } from './log.js'
import type { ReadOwner, ReadReply } from './read-reply.js'
import { type ReplyWriter, WINDOW_BYTES } from './reply-writer.js'
import type { SessionCounters } from './session-limits.js'
import { warn, warning } from './warning.js'

/** What the reads of a connection work with. */
export interface ReadQueueSettings {
  readonly connection: number
  readonly export: Export
  readonly writer: ReplyWriter
  readonly structuredReplies: boolean
  /** See `SessionLimits.maxOwedBytes`. */
  readonly maxOwedBytes: number
  readonly counters: SessionCounters
  readonly log: Log
}

/** One per connection that has entered transmission. */
export class ReadQueue implements ReadOwner {
  readonly writer: ReplyWriter
  readonly structuredReplies: boolean
  readonly #settings: ReadQueueSettings
  /** Reads that wait to be started, oldest first. */
  #waiting: ReadReply[] = []
  /** Reads that were started and not answered in full, in the order they were started in. */
  readonly #running = new Set<ReadReply>()
  /** Of those that wait, the ones that were started before. */
  readonly #parked = new Set<ReadReply>()
  /** Bytes that may be owed. Less than the limit once the client was slow, until it is not. */
  #allowance: number
  /** Bytes of started reads that have not been sent. */
  #owedBytes = 0
  #failedReads = 0
  /** Bytes of image data that have left, and reads answered in full. */
  sentBytes = 0
  answeredReads = 0
  #started = 0
  /** Bytes that the writer has called back, while it does so. */
  #calledBackBytes = 0

  constructor(settings: ReadQueueSettings) {
    this.writer = settings.writer
    this.structuredReplies = settings.structuredReplies
    this.#settings = settings
    this.#allowance = settings.maxOwedBytes
  }

  get memoryIsScarce(): boolean {
    return this.#settings.export.memoryIsScarce === true
  }

  /** Puts a read behind those that wait. */
  add(read: ReadReply): void {
    this.#waiting.push(read)
  }

  /** Starts reads in order of arrival while the client keeps up with what it is owed. */
  start(): void {
    while (!this.writer.isSlow) {
      const [read] = this.#waiting
      if (read === undefined) return
      const owed = this.#owedBytes + read.rest.length
      if (this.#owedBytes > 0 && owed > this.#allowance) return
      this.#waiting.shift()
      this.#owedBytes = owed
      this.#start(read)
    }
  }

  /** Bytes of a reply have left. */
  sent(bytes: number): void {
    this.#settings.counters.servedBytes += bytes
    this.sentBytes += bytes
    this.#owedBytes -= bytes
    this.#allowance = Math.min(this.#settings.maxOwedBytes, this.#allowance + bytes)
  }

  /**
   * The client takes next to nothing. All reads that were started give back what they hold, except
   * what the socket has, and wait to be started again: they are answered in full if the client
   * comes back, from where they were.
   */
  park(): void {
    // First, so that nothing is delivered behind a message that is about to be called back.
    for (const read of this.#running) read.callOff()
    this.#calledBackBytes = 0
    this.writer.recall()
    const parked = [...this.#running]
    this.#settings.export.calledBack?.(this.#calledBackBytes, parked.length)
    this.#running.clear()
    for (const read of parked) this.#parked.add(read)
    this.#waiting = [...parked, ...this.#waiting]
    this.#owedBytes = this.writer.handedDataBytes
    this.#allowance = Math.min(this.#allowance, WINDOW_BYTES)
  }

  /** The client is gone. */
  cancel(): void {
    this.#waiting.length = 0
    // They do not come again: the reads of others are not taken for them.
    this.#settings.export.calledBack?.(0, -this.#parked.size)
    this.#parked.clear()
    for (const read of this.#running) read.handle?.cancel()
    this.#running.clear()
  }

  settled(read: ReadReply, undelivered: number, failure?: Failure): void {
    const { counters, log, connection } = this.#settings
    this.#running.delete(read)
    this.#owedBytes -= undelivered
    if (failure === undefined) {
      counters.reads++
      this.answeredReads++
      if (read.id !== undefined) log('debug', 'read answered', { read: read.id })
      return
    }
    counters.failedReads++
    // One line a connection: a dead origin fails every read of a copy.
    const { id, offset, length } = read
    const { code, message } = failure
    const fields = { connection, read: id, offset, length, code }
    const level = this.#failedReads++ === 0 ? 'warn' : 'debug'
    warn(log, warning('read-failed', { failure: message }), fields, level)
  }

  calledBack(bytes: number): void {
    this.#calledBackBytes += bytes
  }

  unsettled(read: ReadReply, failure?: Failure): void {
    const { counters } = this.#settings
    if (failure === undefined) {
      counters.reads--
      this.answeredReads--
    } else counters.failedReads--
    this.#running.add(read)
  }

  /** The name that spans and requests made for the read are found by. */
  #trace(read: ReadReply, offset: number, length: number): void {
    const { connection, log } = this.#settings
    read.id ??= `${connection}.${++this.#started}`
    const cookie = `0x${read.cookie.toString(16)}`
    log('debug', 'read', { read: read.id, cookie, offset, length })
  }

  #start(read: ReadReply): void {
    this.#parked.delete(read)
    this.#running.add(read)
    try {
      const { connection, export: disk } = this.#settings
      const { whole } = read
      const { offset, length } = read.rest
      if (this.#settings.log.debugs === true) this.#trace(read, offset, length)
      read.handle = disk.read({ offset, length, whole, connection, id: read.id }, read)
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      read.fail(failureOf('internal', 'read', { problem }), read.offset)
    }
  }
}
