// What a run of the bench leaves behind, as plain data: the format of bench/results/*.json. A change
// that readers of older files would stumble over gets a new SCHEMA.

/** Version of the format. */
export const SCHEMA = 1

/** Processor and memory of one side. Seconds are user and system together. */
export interface Usage {
  readonly cpuSeconds: number | undefined
  readonly peakBytes: number | undefined
}

/** A server's: by thread as well. */
export interface ServerUsage extends Usage {
  readonly mainSeconds: number | undefined
  readonly otherSeconds: number | undefined
}

/** What the origin saw of one run. */
export interface OriginUse {
  readonly requests: number
  /** Body bytes it handed to the network. */
  readonly bytes: number
  readonly peakConcurrency: number
  readonly connections: number
  /** Requests by size asked for: `≤64K`, `≤256K`, ... `>16M`, `all` without a range. */
  readonly sizes: Readonly<Record<string, number>>
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>
  readonly cpuSeconds: number | undefined
}

/** One run of one cell. */
export interface Run {
  readonly seconds: number
  /** Bytes the client received. */
  readonly bytes: number
  /** How the content was compared: all of it, or in places (for clients that keep nothing). */
  readonly checked: 'whole' | 'samples'
  readonly client: Usage
  readonly server: ServerUsage | undefined
  readonly origin: OriginUse | undefined
  /** What else the workload measures, by name: `p50Ms`, `rate`, ... */
  readonly extra: Readonly<Record<string, number>>
}

/** How a run went at the origin, over time. */
export interface TimelinePoint {
  /** Since the first request. */
  readonly ms: number
  readonly concurrency: number
  /** Bytes asked for and not sent yet: the window as the origin sees it. */
  readonly outstanding: number
  /** Bytes sent so far. */
  readonly sent: number
}

/** One peer under one workload on one profile. */
export interface CellResult {
  readonly profile: string
  readonly workload: string
  readonly peer: string
  /** Labels as tables show them. */
  readonly labels: { readonly workload: string; readonly peer: string }
  /** Size of the disk, bytes. */
  readonly size: number
  /** Size of the file behind the URL, where that is no raw image. */
  readonly fileBytes?: number
  /** As a user would type them: the peer's, then the client's. */
  readonly commands: readonly string[]
  readonly runs: readonly Run[]
  /** Runs that failed or hung, in words: beside good ones, or instead of them. */
  readonly failures: readonly string[]
  /** Why there was no run. */
  readonly skipped?: string | undefined
  /** Of the last run. */
  readonly timeline?: readonly TimelinePoint[] | undefined
}

/** A statement about cells, and whether it holds. */
export interface ClaimResult {
  readonly figure: string
  readonly what: string
  readonly value: number | undefined
  readonly bound: string
  readonly holds: boolean | undefined
}

/** What `nbd-prefetch probe` said of a profile, and what a sweep there found. Flags as words. */
export interface ProbeResult {
  readonly profile: string
  readonly recommended: readonly string[]
  readonly expectedBytesPerSecond: number
  readonly best: readonly string[]
}

/** Where and with what it was measured. */
export interface About {
  /** ISO 8601. */
  readonly date: string
  readonly machine: string
  readonly system: string
  readonly node: string
  /** One-minute load average at the start. */
  readonly load: number
  readonly versions: readonly string[]
  /** The words behind `npm run bench --`. */
  readonly options: readonly string[]
}

/** A whole file. */
export interface Results {
  readonly schema: typeof SCHEMA
  readonly about: About
  readonly profiles: Readonly<Record<string, string>>
  readonly cells: readonly CellResult[]
  readonly claims: readonly ClaimResult[]
  /** Of runs with `--against-probe`. */
  readonly probes?: readonly ProbeResult[]
}
