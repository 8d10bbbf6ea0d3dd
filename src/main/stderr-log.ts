// The log for people at a terminal or reading a journal: one line an event, with its fields behind
// it, and nothing secret in it.

import type { Log, LogLevel } from './log.js'

const PREFIX: Readonly<Record<LogLevel, string>> = {
  debug: 'debug: ',
  info: '',
  warn: 'warning: ',
  error: 'error: ',
}

/** Where and what. */
export interface TextLogOptions {
  /** Takes whole lines, line break included. */
  readonly write: (line: string) => void
  /** True lets `debug` through. */
  readonly verbose: boolean
  /** Masks what is secret in a line. */
  readonly redact: (text: string) => string
}

/** A log that writes `nbd-prefetch: warning: message (key=value, …)`. */
export function createTextLog({ write, verbose, redact }: TextLogOptions): Log {
  return (level, message, fields = {}) => {
    if (level === 'debug' && !verbose) return
    const pairs = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key}=${showValue(value)}`)
    const tail = pairs.length === 0 ? '' : ` (${pairs.join(', ')})`
    write(`nbd-prefetch: ${PREFIX[level]}${oneLine(redact(message + tail))}\n`)
  }
}

function showValue(value: unknown): string {
  const text = String(value)
  return /^[^\s,()]+$/.test(text) ? text : JSON.stringify(text)
}

/** Text from servers and clients ends up in logs: no control character of theirs reaches a terminal. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ')
}
