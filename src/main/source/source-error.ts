// The image can't be opened: the message is one line for the user, without secrets.

import type { Failure } from '../../shared/failure.js'
import { type FillingArguments, type Told, tell } from '../../shared/message.js'
import { SOURCE_MESSAGES } from '../messages/sources.js'
import { errorMaker, ToldError } from '../told-error.js'

/** What else a SourceError holds. */
export interface SourceErrorOptions extends ErrorOptions {
  readonly failure?: Failure
}

/** Thrown while a source is opened. */
export class SourceError extends ToldError {
  override readonly name: string = 'SourceError'
  readonly code = 'SOURCE'
  /** What the last request failed with, if one did. */
  readonly failure: Failure | undefined

  /** @internal Callers catch it, and make none. */
  constructor(told: Told, options?: SourceErrorOptions) {
    super(told, options)
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

  constructor(told: Told, { failure, ...unranged }: Unranged & { readonly failure: Failure }) {
    super(told, { failure })
    this.unranged = unranged
  }
}

type Messages = typeof SOURCE_MESSAGES

/** What is to be said, by a code of the catalogue. */
export function sourceMessage<Code extends keyof Messages>(
  reason: Code,
  ...[filling]: FillingArguments<Messages[Code]['text'], never>
): Told {
  return tell(SOURCE_MESSAGES, reason, filling)
}

/** The error of a code of the catalogue. */
export const sourceError = errorMaker(SOURCE_MESSAGES, SourceError)
