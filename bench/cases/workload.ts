// What a workload is: something done with one or several exports, timed, its content compared.

import type { ImageKind } from '../measure/images.js'
import type { Finished } from '../programs.js'
import type { Image } from '../slow-server/image.js'
import type { Peer } from './peer.js'

type Command = readonly [string, ...string[]]

/** What a workload gets. */
export interface WorkloadContext {
  /** What to open, one a disk: NBD URIs, or for a driver peer what qemu takes. */
  readonly sources: readonly string[]
  /** The bytes behind the URL, for clients that compare as they go. */
  readonly image: Image
  /** Bytes of each disk, as the copy has them. */
  readonly size: number
  /** Files of `size` bytes to copy to, one a disk, not to be read before. */
  readonly targets: readonly string[]
  /** Of a download: the command that brings the image to a file. */
  readonly download: ((target: string) => Command) | undefined
  /** When the servers were started, of `performance.now()`. */
  readonly servingSince: number
  /** Runs a program to its end, until `given` says to stop. */
  readonly finish: (command: Command) => Promise<Finished>
  /** Says when to stop, with the reason: the time limit, or an origin that nobody asks anything. */
  readonly given: AbortSignal
}

/** The one failure that no other run makes good. */
export class WrongBytes extends Error {
  override readonly name = 'WrongBytes'
}

/** What it gives back. */
export interface Measured {
  readonly seconds: number
  /** Bytes received. */
  readonly bytes: number
  /** `targets`: they hold the copies and are compared by the caller. Else compared already, or to be sampled. */
  readonly content: 'targets' | 'compared' | 'unseen'
  /** Most memory of the client, if it is a program. */
  readonly peakBytes?: number | undefined
  readonly extra?: Readonly<Record<string, number>>
}

export interface Workload {
  /** Shown in tables. */
  readonly label: string
  /** Programs it needs. */
  readonly needs: readonly string[]
  /** The client's command as a user would type it. */
  readonly command: (source: string) => string
  /** Peers it can be done with: qemu's own drivers only within qemu; a download, if more than that is done. */
  readonly with: readonly Peer['kind'][]
  /** What lies behind the URL. Default `raw`. */
  readonly image?: ImageKind
  /** True if downloads of the image are worth showing beside it. */
  readonly copies: boolean
  /** Exports it opens, all of one origin. Default 1. */
  readonly disks?: number
  /** True if each is copied to a file. Default: as `copies`. */
  readonly keeps?: boolean
  /** True if the client runs in the bench's own process. */
  readonly own?: boolean
  /** Size of the image unless `--size` says otherwise. Default 256 MiB. */
  readonly usualSize?: number
  readonly measure: (context: WorkloadContext) => Promise<Measured>
}

/** Files that one run writes, each as large as the disk; a download writes one. */
export function targetsOf(workload: Workload | undefined): number {
  const { copies = true, keeps = copies, disks = 1 } = workload ?? {}
  return keeps ? disks : 0
}
