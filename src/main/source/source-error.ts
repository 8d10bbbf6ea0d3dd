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

/** What there is instead of a source that answers ranges. */
export interface Unranged {
  /** Effective URL, redirects resolved, without user info. */
  readonly url: string
  /** The URL without secrets. */
  readonly name: string
  /** Headers of a request to `url`, to be asked for anew with each. May hold credentials: never log. */
  readonly headersFor: (url: string) => Readonly<Record<string, string>>
}

/** The server answers, but no ranges: what it has can only be downloaded as a whole. */
export class NoRangesError extends SourceError {
  readonly unranged: Unranged

  constructor(message: string, { failure, ...unranged }: Unranged & { readonly failure: Failure }) {
    super(message, { failure })
    this.unranged = unranged
  }
}
