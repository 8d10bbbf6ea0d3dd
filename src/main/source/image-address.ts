// What the user calls the image - a URL, or a disk of VMware's - and how to be admitted to it, checked against each
// other: the URLs to try, and the login or scripts that go with them.

import { usageError } from '../usage-error.js'
import { parseSourceUrl } from './source-url.js'
import { isVmwareUri, parseVmwareUri } from './vmware-url.js'

/** Ways to log in. */
export const SESSION_KINDS = ['none', 'vmware'] as const
export type SessionKind = (typeof SESSION_KINDS)[number]

export interface ImageAddress {
  /** In the order in which they are tried, at least one; without user info. */
  readonly urls: readonly string[]
  readonly user: string | undefined
  readonly password: string | undefined
  /** False if the address itself says that certificates are not to be checked. */
  readonly verify: boolean
  /** What the address implies. */
  readonly session: SessionKind
}

/** @throws {UsageError} if it is not the address of an image */
export function parseImageAddress(url: unknown, disk: string | undefined): ImageAddress {
  if (typeof url === 'string' && isVmwareUri(url)) {
    return { ...parseVmwareUri(url, disk), session: 'vmware' }
  }
  const { url: plain, ...userInfo } = parseSourceUrl(url)
  if (disk !== undefined) {
    throw usageError('disk-with-url')
  }
  return { urls: [plain], ...userInfo, verify: true, session: 'none' }
}

/** @throws {UsageError} unless it is one of `SESSION_KINDS` */
export function checkSessionKind(given: string | undefined, implied: SessionKind): SessionKind {
  if (given === undefined) return implied
  const kind = SESSION_KINDS.find(known => known === given)
  if (kind === undefined) {
    throw usageError('value', {
      value: given,
      flag: '--session',
      expected: SESSION_KINDS.join(' or '),
    })
  }
  return kind
}
