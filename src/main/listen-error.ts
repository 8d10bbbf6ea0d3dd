// The one error a caller may want to catch when a server does not come up, and what the kernel's
// refusals mean to the one who chose the address.

import { LISTEN_MESSAGES } from './messages/listening.js'
import { errorMaker, ToldError } from './told-error.js'

/** The server can't listen where it was told to. The message is one line for humans. */
export class ListenError extends ToldError {
  override readonly name = 'ListenError'
  readonly code = 'LISTEN_FAILED'
}

/** The error of a code of the catalogue; `where` is the address or socket path as a user would write it. */
export const listenError = errorMaker(LISTEN_MESSAGES, ListenError)

export const NO_DIRECTORY = 'the directory does not exist'

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use',
  EADDRNOTAVAIL: 'this machine does not have the address',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOENT: NO_DIRECTORY,
  ENOTDIR: NO_DIRECTORY,
  EROFS: 'the file system is read-only',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name is not known',
}

/** A system error, or its code, in words; the code itself where there are none. */
export function reasonOf(error: unknown): string {
  const code = typeof error === 'string' ? error : codeOf(error)
  return REASONS[code] ?? code
}

/** `code` of a system error. */
export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? String(error)
}
