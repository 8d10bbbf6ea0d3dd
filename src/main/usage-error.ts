// The one error for what a caller or user asked for and cannot have.

import { type FillingArguments, type Told, tell } from '../shared/message.js'
import { COMMAND_LINE_MESSAGES } from './messages/command-line.js'
import { EXPORT_MESSAGES } from './messages/exports.js'
import { LOGIN_MESSAGES } from './messages/login.js'
import { NETWORK_MESSAGES } from './messages/network.js'
import { SERVING_MESSAGES } from './messages/serving.js'
import { SETTINGS_MESSAGES } from './messages/settings.js'

/** All that a UsageError can say. */
export const USAGE_MESSAGES = {
  ...COMMAND_LINE_MESSAGES,
  ...SETTINGS_MESSAGES,
  ...EXPORT_MESSAGES,
  ...SERVING_MESSAGES,
  ...LOGIN_MESSAGES,
  ...NETWORK_MESSAGES,
} as const
type Messages = typeof USAGE_MESSAGES

/** An option, flag or URL that cannot be used; the message is one line and holds no credentials. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly code = 'USAGE'
  /** Which message it is: see docs/errors.md. */
  readonly reason: string

  /** @internal Callers catch it, and make none. */
  constructor(told: Told, options?: ErrorOptions) {
    super(told.text, options)
    this.reason = told.reason
  }
}

/** The error of a code of the catalogue. */
export function usageError<Code extends keyof Messages>(
  reason: Code,
  ...[filling, options]: FillingArguments<Messages[Code]['text'], ErrorOptions>
): UsageError {
  return new UsageError(tell(USAGE_MESSAGES, reason, filling), options)
}
