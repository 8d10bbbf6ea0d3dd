// Who is measured, by name: ourselves and the programs people use today. Add one here and
// `--peer NAME` knows it.

import { ARIA2, CURL } from './downloads.js'
import { nbdkitCurl, QEMU_NBD } from './other-servers.js'
import { ours } from './ours.js'
import type { Peer } from './peer.js'
import { qemuCurl } from './qemu-driver.js'

const MiB = 1024 * 1024

/** The two whose flags `--flags` adds to. */
export const OURS = 'ours'
export const OURS_OFF = 'ours-off'

/** True for the peers that are nbd-prefetch. */
export function isOurs(name: string): boolean {
  return name === OURS || name.startsWith(`${OURS}-`)
}

/** Every peer; `flags` are further ones for nbd-prefetch. */
export function peersWith(flags: readonly string[]): Readonly<Record<string, Peer>> {
  const tail = flags.length === 0 ? '' : ` ${flags.join(' ')}`
  return {
    [OURS]: ours(`nbd-prefetch${tail}`, flags),
    [OURS_OFF]: ours(`nbd-prefetch --readahead off${tail}`, ['--readahead', 'off', ...flags]),
    nbdkit: nbdkitCurl('nbdkit curl'),
    'nbdkit-readahead': nbdkitCurl('nbdkit curl + readahead', ['readahead']),
    'nbdkit-cache': nbdkitCurl(
      'nbdkit curl + readahead + cache',
      ['readahead', 'cache'],
      ['cache-on-read=true'],
    ),
    'nbdkit-v2v': nbdkitCurl(
      'nbdkit curl + cow + retry (virt-v2v)',
      ['cow', 'retry'],
      ['timeout=2000', 'cow-on-read=true'],
    ),
    'nbdkit-cdi': nbdkitCurl(
      'nbdkit curl + readahead + retry (CDI)',
      ['readahead', 'retry'],
      ['header=User-Agent: cdi-nbdkit-importer', 'retry-exponential=no'],
    ),
    'qemu-curl': qemuCurl("qemu's curl driver"),
    // The value virt-v2v used for copying while it went through this driver.
    'qemu-curl-64M': qemuCurl("qemu's curl driver, readahead 64 MiB", 64 * MiB),
    'qemu-nbd': QEMU_NBD,
    aria2c: ARIA2,
    curl: CURL,
  }
}

export const PEER_NAMES: readonly string[] = Object.keys(peersWith([]))

/** Measured unless `--peer` says otherwise: the rest takes long and wins nowhere. */
export const USUAL_PEERS: readonly string[] = [
  OURS,
  OURS_OFF,
  'nbdkit',
  'qemu-curl',
  'aria2c',
  'curl',
]
