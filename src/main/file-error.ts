// A file named on the command line cannot be read or written: which one, and why, in one line.

import { getSystemErrorMap } from 'node:util'

/** A file that cannot be read or written; the message says which and why. */
export class FileError extends Error {
  override readonly name = 'FileError'
  readonly code = 'FILE'
}

/** What the system says of an error, without call and path: 'no such file or directory'. */
export function systemErrorText(error: unknown): string {
  const { errno, message } = error as NodeJS.ErrnoException
  return (errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]) ?? String(message)
}
