// What is asked of a server, by name. Add one here and `--workload NAME` knows it.

import { convert, disks, nbdcopy } from './copies.js'
import { FIRST_BYTE, limited, ownCopy } from './own-clients.js'
import { convertQcow2 } from './qcow2-copies.js'
import { randomReads } from './random-reads.js'
import type { Workload } from './workload.js'

const KiB = 1024

export const WORKLOADS: Readonly<Record<string, Workload>> = {
  'qemu-img': convert([]),
  'qemu-img-m1': convert(['-m', '1']),
  'qemu-img-m16W': convert(['-m', '16', '-W']),
  qcow2: convertQcow2('qcow2'),
  'qcow2-compressed': convertQcow2('qcow2-compressed'),
  nbdcopy: nbdcopy(),
  'nbdcopy-1': nbdcopy(1),
  'nbdcopy-4': nbdcopy(4),
  'nbdcopy-null': nbdcopy(undefined, true),
  'nbdcopy-null-1': nbdcopy(1, true),
  'nbdcopy-null-4': nbdcopy(4, true),
  'fio-1': randomReads(1),
  'fio-16': randomReads(16),
  'first-byte': FIRST_BYTE,
  own: ownCopy(256 * KiB, 64),
  'own-1': ownCopy(2048 * KiB, 1),
  '20MBps': limited(20e6),
  disks: disks(4),
}
