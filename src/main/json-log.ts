// The log for programs: one JSON object a line, made by pino. Parts know nothing of it: they are
// given a `Log` like any other.

import { pino } from 'pino'
import { oneLine } from '../shared/unsafe-text.js'
import type { Log, LogFields } from './log.js'
import type { LogSink } from './text-log.js'

/** A log that writes `{"level":"warn","time":"…","pid":…,"msg":"message","key":value,…}`. */
export function createJsonLog({ write, redact }: LogSink): Log {
  const logger = pino(
    {
      level: 'debug',
      base: { pid: process.pid },
      formatters: { level: level => ({ level }) },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
    },
    { write },
  )
  // A terminal may show the file: the same characters are kept from it as in text.
  const clean = (text: string) => oneLine(redact(text))
  return (level, message, fields = {}) => logger[level](cleanFields(fields, clean), clean(message))
}

function cleanFields(fields: LogFields, clean: (text: string) => string): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      typeof value === 'string' ? clean(value) : value,
    ]),
  )
}
