// One warning where each of many requests would give its own: a dead origin fails thousands. The
// first is told as it comes, how many there were when it is over. Pure: time comes as an argument.

import type { Told } from '../shared/message.js'
import type { Log, LogFields, LogLevel } from './log.js'
import { warn } from './warning.js'

/** A success ends a row of failures no sooner than this after its first, milliseconds. */
const SHORTEST_MS = 10_000

/** Folds warnings of one kind. */
export class FoldedWarning {
  readonly #log: Log
  readonly #summary: (count: number) => Told
  readonly #level: LogLevel
  #count = 0
  #sinceMs = 0

  /**
   * @param summary the line that tells of all, given how many there were: at least 2
   * @param level of the first and of the summary
   */
  constructor(log: Log, summary: (count: number) => Told, level: LogLevel = 'warn') {
    this.#log = log
    this.#level = level
    this.#summary = summary
  }

  /** Told in full as the first of a row, else with -v alone. */
  warn(told: Told, fields: LogFields, nowMs: number): void {
    if (this.#count++ === 0) this.#sinceMs = nowMs
    warn(this.#log, told, fields, this.#count === 1 ? this.#level : 'debug')
  }

  /** Something of the kind went well: the row is over, unless it has only just begun. */
  passed(nowMs: number): void {
    if (this.#count > 0 && nowMs - this.#sinceMs >= SHORTEST_MS) this.end()
  }

  /** Ends the row, if there is one. */
  end(): void {
    const count = this.#count
    this.#count = 0
    if (count > 1) warn(this.#log, this.#summary(count), {}, this.#level)
  }
}
