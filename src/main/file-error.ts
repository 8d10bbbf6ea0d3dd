// A file named on the command line cannot be read or written: which one, and why, in one line.

import { FILE_MESSAGES } from './messages/files.js'
import { errorMaker, ToldError } from './told-error.js'

export { systemErrorText } from '../shared/system-error.js'

/** A file that cannot be read or written; the message says which and why. */
export class FileError extends ToldError {
  override readonly name = 'FileError'
  readonly code = 'FILE'
}

/** The error of a code of the catalogue. */
export const fileError = errorMaker(FILE_MESSAGES, FileError)
