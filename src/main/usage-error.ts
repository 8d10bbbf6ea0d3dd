// The one error for what a caller or user asked for and cannot have.

/** An option, flag or URL that cannot be used; the message is one line and holds no credentials. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly code = 'USAGE'
}
