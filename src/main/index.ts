// The public API: what the command line does, for programs.

export { ListenError } from './listen-error.js'
export type { Log, LogFields, LogLevel } from './log.js'
export type { ServerOptions } from './options.js'
export { serve } from './serve.js'
export type { Server } from './server-handle.js'
export { SourceError } from './source/source-error.js'
export type { Statistics } from './status/statistics.js'
export { UsageError } from './usage-error.js'
