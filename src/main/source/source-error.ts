// The image can't be opened: the message is one line for the user, without secrets.

import type { Failure } from '../../shared/failure.js'

/** Thrown while a source is opened. */
export class SourceError extends Error {
  readonly code = 'SOURCE'

  /** What the last request failed with, if one did. */
  readonly failure: Failure | undefined

  constructor(message: string, options?: ErrorOptions & { readonly failure?: Failure }) {
    super(message, options)
    this.name = 'SourceError'
    this.failure = options?.failure
  }
}
