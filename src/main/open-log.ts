// The log that the command line asks for: its level, its form, and where its lines go.

import { type Log, type LogLevel, withLevel } from './log.js'
import { createTextLog, type LogSink } from './text-log.js'

/** Values of --log-format. */
export type LogFormat = 'auto' | 'text' | 'json'

/** How to log. */
export interface LogSettings {
  readonly level: LogLevel
  readonly format: LogFormat
  /** Default: standard error. */
  readonly file: string | undefined
}

/** @param people true if the lines go to a terminal */
export async function openLog(
  { level, format }: LogSettings,
  people: boolean,
  sink: LogSink,
): Promise<Log> {
  const form = format === 'auto' ? (people ? 'text' : 'json') : format
  if (form === 'text') return withLevel(level, createTextLog(sink))
  // Loading pino takes longer than reading the rest of the command line.
  const { createJsonLog } = await import('./json-log.js')
  return withLevel(level, createJsonLog(sink))
}
