// The image can't be opened: the message is one line for the user, without secrets.

/** Thrown while a source is opened. */
export class SourceError extends Error {
  readonly code = 'SOURCE'

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SourceError'
  }
}
