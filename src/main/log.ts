// Where parts report what happened. The composition root decides where lines go.

/** `debug` is for -v; `info` for events an operator expects; `warn` for trouble that was survived. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Fields are plain values that help a reader; never credentials. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

/** Takes one event. */
export interface Log {
  (level: LogLevel, message: string, fields?: LogFields): void
  /** True if `debug` goes anywhere: asked first where making such a line would cost every read something. */
  readonly debugs?: boolean
}

/** Drops everything. */
export const silentLog: Log = () => {}

/** Lowest first. */
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** A log that takes what is of this level or above. */
export function withLevel(least: LogLevel, log: Log): Log {
  const taken = new Set(LEVELS.slice(LEVELS.indexOf(least)))
  const filtered: Log = (level, message, fields) => {
    if (taken.has(level)) log(level, message, fields)
  }
  return Object.assign(filtered, { debugs: taken.has('debug') })
}
