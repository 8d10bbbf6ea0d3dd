// The public API: what the command line does, for programs.

export type { Failure, FailureCode } from '../shared/failure.js'
export type { Told } from '../shared/message.js'
export type { ExportOptions } from './export-options.js'
export { ListenError } from './listen-error.js'
export type { Log, LogFields, LogLevel } from './log.js'
export type { ServerOptions } from './options.js'
export { serve } from './serve.js'
export type { ServedExport, Server } from './server-handle.js'
export { SourceError, type SourceErrorOptions } from './source/source-error.js'
export type { ExportStatistics, Statistics } from './status/statistics.js'
export type { TlsCertificates } from './tls-acceptor.js'
export { UsageError } from './usage-error.js'
