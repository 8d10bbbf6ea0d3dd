// The one error for what a caller or user asked for and cannot have.

import { COMMAND_LINE_MESSAGES } from './messages/command-line.js'
import { EXPORT_MESSAGES } from './messages/exports.js'
import { LOGIN_MESSAGES } from './messages/login.js'
import { NETWORK_MESSAGES } from './messages/network.js'
import { SERVING_MESSAGES } from './messages/serving.js'
import { SETTINGS_MESSAGES } from './messages/settings.js'
import { errorMaker, ToldError } from './told-error.js'

/** All that a UsageError can say. */
export const USAGE_MESSAGES = {
  ...COMMAND_LINE_MESSAGES,
  ...SETTINGS_MESSAGES,
  ...EXPORT_MESSAGES,
  ...SERVING_MESSAGES,
  ...LOGIN_MESSAGES,
  ...NETWORK_MESSAGES,
} as const

/** An option, flag or URL that cannot be used; the message is one line and holds no credentials. */
export class UsageError extends ToldError {
  override readonly name = 'UsageError'
  readonly code = 'USAGE'
}

/** The error of a code of the catalogue. */
export const usageError = errorMaker(USAGE_MESSAGES, UsageError)
