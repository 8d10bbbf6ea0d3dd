// What the slow server's process and its parent say to each other. Calls name a method of `Remote`; every call is
// answered once.
import type { ServingOptions, SlowServerOptions } from './options.js'
import type { LogEntry, ServerStatistics } from './request-log.js'

/** Where a started server is. */
export interface Started {
  readonly url: string
  readonly origin: string
  readonly port: number
  readonly caPem: string | undefined
}

/** What the parent can ask for. */
export interface Remote {
  /** Once, first. */
  start(options: SlowServerOptions): Promise<Started>
  stats(): ServerStatistics
  log(): readonly LogEntry[]
  clearLog(): void
  setOptions(changes: Partial<ServingOptions>): void
  expireSessions(): void
  resetConnections(): void
  /** Processor time of the server's process so far, microseconds. */
  cpuUsage(): { user: number; system: number }
}

/** Parent to child. */
export interface Call {
  readonly id: number
  readonly method: keyof Remote
  readonly args: readonly unknown[]
}

/** Child to parent. */
export type Reply =
  | { readonly id: number; readonly ok: true; readonly result: unknown }
  | {
      readonly id: number
      readonly ok: false
      readonly name: string
      readonly message: string
      readonly code: string | undefined
    }
