// Where parts report what happened. The composition root decides where lines go.

/** `debug` is for -v; `info` for events an operator expects; `warn` for trouble that was survived. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Fields are plain values that help a reader; never credentials. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

/** Takes one event. */
export type Log = (level: LogLevel, message: string, fields?: LogFields) => void

/** Drops everything. */
export const silentLog: Log = () => {}
