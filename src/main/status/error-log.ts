// The latest warnings and errors of the log, for the status page: the same log, listened to on its way.

import type { Log, LogFields } from '../log.js'
import { type ErrorStatus, STATUS_BOUNDS } from './snapshot.js'

/** Longer messages are cut: whatever a server says, the list stays small. */
const MAX_CHARACTERS = 500

/** Keeps what went wrong. */
export class ErrorLog {
  readonly #wallClock: () => number
  #redact: (text: string) => string = text => text
  #errors: ErrorStatus[] = []

  /** @param wallClock milliseconds since 1970 */
  constructor(wallClock: () => number = Date.now) {
    this.#wallClock = wallClock
  }

  /** Masks secrets, from now on and in what was kept before. */
  set redact(redact: (text: string) => string) {
    this.#redact = redact
    this.#errors = this.#errors.map(error => ({ ...error, message: redact(error.message) }))
  }

  /** A log that passes everything on and keeps warnings and errors. */
  listenTo(log: Log): Log {
    const tap: Log = (level, message, fields) => {
      if (level === 'warn' || level === 'error') this.#keep(level, message, fields)
      log(level, message, fields)
    }
    return Object.assign(tap, { debugs: log.debugs === true })
  }

  /** The latest last. */
  get errors(): readonly ErrorStatus[] {
    return this.#errors
  }

  #keep(level: 'warn' | 'error', text: string, fields: LogFields = {}): void {
    const reason = fields['reason'] === undefined ? '' : `: ${fields['reason']}`
    // Before it is cut: half a secret is one that is not found.
    const message = this.#redact(`${text}${reason}`).slice(0, MAX_CHARACTERS)
    const timeMs = this.#wallClock()
    const last = this.#errors.at(-1)
    const same = last?.message === message && last.level === level
    if (same) this.#errors.pop()
    this.#errors.push({ timeMs, level, message, count: same ? last.count + 1 : 1 })
    if (this.#errors.length > STATUS_BOUNDS.errors) this.#errors.shift()
  }
}
