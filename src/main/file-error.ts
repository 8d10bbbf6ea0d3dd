// A file named on the command line cannot be read or written: which one, and why, in one line.

import { type FillingArguments, type Told, tell } from '../shared/message.js'
import { FILE_MESSAGES } from './messages/files.js'

export { systemErrorText } from '../shared/system-error.js'

/** A file that cannot be read or written; the message says which and why. */
export class FileError extends Error {
  override readonly name = 'FileError'
  readonly code = 'FILE'
  /** Which message it is: see docs/errors.md. */
  readonly reason: string

  constructor(told: Told, options?: ErrorOptions) {
    super(told.text, options)
    this.reason = told.reason
  }
}

type Messages = typeof FILE_MESSAGES

/** The error of a code of the catalogue. */
export function fileError<Code extends keyof Messages>(
  reason: Code,
  ...[filling, options]: FillingArguments<Messages[Code]['text'], ErrorOptions>
): FileError {
  return new FileError(tell(FILE_MESSAGES, reason, filling), options)
}
