// From the reason a fetch failed to the error number the client is told: one table. The document
// knows few numbers, and for a disk whose bytes can't be had there is only EIO; the reason itself
// goes into the message of structured replies.

import type { FailureCode } from '../../shared/failure.js'
import { Errno } from './constants.js'

const ERRNO_OF: Readonly<Record<FailureCode, number>> = {
  connect: Errno.EIO,
  proxy: Errno.EIO,
  tls: Errno.EIO,
  'connect-timeout': Errno.EIO,
  'first-byte-timeout': Errno.EIO,
  'body-timeout': Errno.EIO,
  reset: Errno.EIO,
  'short-body': Errno.EIO,
  protocol: Errno.EIO,
  status: Errno.EIO,
  redirect: Errno.EIO,
  'range-ignored': Errno.EIO,
  'wrong-range': Errno.EIO,
  encoded: Errno.EIO,
  'source-changed': Errno.EIO,
  session: Errno.EIO,
  spool: Errno.EIO,
  // Reads are only called off while somebody waits for them when the server ends.
  cancelled: Errno.ESHUTDOWN,
  'worker-died': Errno.EIO,
  internal: Errno.EIO,
}

/** Error number of a reply. A code this version does not know is EIO. */
export function errnoOf(code: FailureCode): number {
  return ERRNO_OF[code] ?? Errno.EIO
}
