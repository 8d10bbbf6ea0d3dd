// What a peer is: one way to get at a remote image. A server peer exports it over NBD and is timed
// through its client; a driver peer is read by qemu itself; a download has no client at all.

import type { Background } from '../programs.js'

/** An origin as peers are told of it. */
export interface OriginAddress {
  readonly url: string
  /** PEM file of the authority to trust; undefined without https. */
  readonly caFile?: string | undefined
  /** Where sockets and temporary files go. */
  readonly directory: string
}

/** NBD servers that are up: one process for all exports, or one for each. */
export interface RunningServer extends AsyncDisposable {
  /** One URI an export. */
  readonly uris: readonly string[]
  readonly processes: readonly Background[]
}

type Command = readonly [string, ...string[]]

/** What all kinds of peer have. */
interface PeerBase {
  /** Shown in tables. */
  readonly label: string
  /** Programs it needs. */
  readonly needs: readonly string[]
  /** The command as a user would type it; of a driver, what stands in qemu-img's for the source. */
  readonly command: (url: string, format?: 'raw' | 'qcow2') => string
}

/** An NBD server. */
export interface ServerPeer extends PeerBase {
  readonly kind: 'server'
  /** Starts it for one export or several; resolves once clients can connect. */
  readonly serve: (origins: readonly OriginAddress[]) => Promise<RunningServer>
}

/** A block driver of qemu's own, which reads HTTP inside qemu-img. */
export interface DriverPeer extends PeerBase {
  readonly kind: 'driver'
  /** What qemu-img takes in place of an NBD URI, for an image of this format. */
  readonly source: (origin: OriginAddress, format: 'raw' | 'qcow2') => string
}

/** A program that copies the URL to a file. */
export interface DownloadPeer extends PeerBase {
  readonly kind: 'download'
  readonly fetch: (origin: OriginAddress, target: string) => Command
}

export type Peer = ServerPeer | DriverPeer | DownloadPeer
