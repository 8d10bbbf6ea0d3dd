// The reads of one connection, from their request to their last message: starts them in order while
// the client keeps up with what it is owed, and gives everything back when the client leaves.

import type { Failure } from '../shared/failure.js'
import type { Export } from './export.js'
import type { Log } from './log.js'
import type { ReadOwner, ReadReply } from './read-reply.js'
import type { ReplyWriter } from './reply-writer.js'
import type { SessionCounters } from './session-limits.js'

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
  readonly #waiting: ReadReply[] = []
  readonly #running = new Set<ReadReply>()
  /** Bytes of started reads that have not been sent. */
  #owedBytes = 0
  #failedReads = 0

  constructor(settings: ReadQueueSettings) {
    this.writer = settings.writer
    this.structuredReplies = settings.structuredReplies
    this.#settings = settings
  }

  /** Puts a read behind those that wait. */
  add(read: ReadReply): void {
    this.#waiting.push(read)
  }

  /** Starts reads in order of arrival while the client keeps up with what it is owed. */
  start(): void {
    for (;;) {
      const [read] = this.#waiting
      if (read === undefined) return
      const owed = this.#owedBytes + read.length
      if (this.#owedBytes > 0 && owed > this.#settings.maxOwedBytes) return
      this.#waiting.shift()
      this.#owedBytes = owed
      this.#start(read)
    }
  }

  /** Bytes of a reply have left. */
  sent(bytes: number): void {
    this.#settings.counters.servedBytes += bytes
    this.#owedBytes -= bytes
  }

  /** The client is gone. */
  cancel(): void {
    this.#waiting.length = 0
    for (const read of this.#running) read.handle?.cancel()
    this.#running.clear()
  }

  settled(read: ReadReply, undelivered: number, failure?: Failure): void {
    const { counters, log, connection } = this.#settings
    this.#running.delete(read)
    this.#owedBytes -= undelivered
    if (failure === undefined) {
      counters.reads++
      return
    }
    counters.failedReads++
    // One line a connection: a dead origin fails every read of a copy.
    log(this.#failedReads++ === 0 ? 'warn' : 'debug', 'read failed', {
      connection,
      offset: read.offset,
      length: read.length,
      code: failure.code,
      reason: failure.message,
    })
  }

  #start(read: ReadReply): void {
    this.#running.add(read)
    try {
      const { connection, export: disk } = this.#settings
      const { offset, length, whole } = read
      read.handle = disk.read({ offset, length, whole, connection }, read)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      read.fail({ code: 'internal', message }, read.offset)
    }
  }
}
