// The one error a caller may want to catch when a server does not come up, and what the kernel's
// refusals mean to the one who chose the address.

import { type FillingArguments, type Told, tell } from '../shared/message.js'
import { LISTEN_MESSAGES } from './messages/listening.js'

/** The server can't listen where it was told to. The message is one line for humans. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code = 'LISTEN_FAILED'
  /** Which message it is: see docs/errors.md. */
  readonly reason: string

  /** @internal Callers catch it, and make none. */
  constructor(told: Told, options?: ErrorOptions) {
    super(told.text, options)
    this.reason = told.reason
  }
}

type Messages = typeof LISTEN_MESSAGES

/** The error of a code of the catalogue; `where` is the address or socket path as a user would write it. */
export function listenError<Code extends keyof Messages>(
  reason: Code,
  ...[filling, options]: FillingArguments<Messages[Code]['text'], ErrorOptions>
): ListenError {
  return new ListenError(tell(LISTEN_MESSAGES, reason, filling), options)
}

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
