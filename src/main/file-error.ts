// A file named on the command line cannot be read or written: which one, and why, in one line.

export { systemErrorText } from '../shared/system-error.js'

/** A file that cannot be read or written; the message says which and why. */
export class FileError extends Error {
  override readonly name = 'FileError'
  readonly code = 'FILE'
}
