// What the log warns of, by code: no warning but of a catalogue, so that docs/errors.md has all of them.

import { type FillingArguments, type Told, tell } from '../shared/message.js'
import type { Log, LogFields } from './log.js'
import { WARNING_MESSAGES } from './messages/warnings.js'
import type { ToldError } from './told-error.js'

type Messages = typeof WARNING_MESSAGES

/** Takes a warning. */
export type Warn = (warning: Told) => void

/** What is to be said, by a code of the catalogue. */
export function warning<Code extends keyof Messages>(
  reason: Code,
  ...[filling]: FillingArguments<Messages[Code]['text'], never>
): Told {
  return tell(WARNING_MESSAGES, reason, filling)
}

/**
 * Logs it with its code as field `code`, unless the fields have the code of a failure.
 *
 * @param told an error is one that ends nothing
 * @param level 'error' where it ends a source; lower ones for what repeats
 */
export function warn(
  log: Log,
  told: Told | ToldError,
  fields: LogFields = {},
  level: Parameters<Log>[0] = 'warn',
): void {
  const text = 'text' in told ? told.text : told.message
  log(level, text, { ...fields, code: fields['code'] ?? told.reason })
}
