// The log for people at a terminal or reading a journal: one line an event, with its fields behind
// it, and nothing secret in it.

import { oneLine } from '../shared/unsafe-text.js'
import type { Log, LogLevel } from './log.js'

const PREFIX: Readonly<Record<LogLevel, string>> = {
  debug: 'debug: ',
  info: '',
  warn: 'warning: ',
  error: 'error: ',
}

/** Where and what. */
export interface LogSink {
  /** Takes whole lines, line break included. */
  readonly write: (line: string) => void
  /** Masks what is secret in a text. */
  readonly redact: (text: string) => string
}

/** A log that writes `nbd-prefetch: warning: message (key=value, …)`. */
export function createTextLog({ write, redact }: LogSink): Log {
  return (level, message, fields = {}) => {
    const pairs = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      // Before quotes and backslashes are added to it a secret is known for what it is.
      .map(([key, value]) => `${key}=${showValue(redact(String(value)))}`)
    const tail = pairs.length === 0 ? '' : ` (${pairs.join(', ')})`
    write(`nbd-prefetch: ${PREFIX[level]}${oneLine(redact(message) + tail)}\n`)
  }
}

function showValue(text: string): string {
  return /^[^\s,()]+$/.test(text) ? text : JSON.stringify(text)
}
