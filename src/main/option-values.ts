// The text of a flag as a value, and the check of a value against the option table's bounds. Both
// raise the same sentence: which flag, which value, what is expected.

import { shownText } from '../shared/unsafe-text.js'
import { type OptionEntry, optionBounds } from './option-table.js'
import { formatSize, parseSize } from './parse-size.js'
import { type UsageError, usageError } from './usage-error.js'

/** A value as the option table's kinds yield it. */
export type OptionValue = string | number | boolean

/**
 * The value of a flag's text. Only its form is judged; bounds are `checkNumber`'s.
 *
 * @param label what the text was given as, for messages
 * @throws {UsageError} if the text is not what the option's kind takes
 */
export function parseOptionValue(
  entry: OptionEntry,
  text: string,
  label: string = entry.long,
): OptionValue {
  const value = readText(entry, text)
  if (value === undefined) throw unusable(entry, text, label)
  return value
}

function readText(entry: OptionEntry, text: string): OptionValue | undefined {
  switch (entry.kind) {
    case 'integer':
      return /^\d{1,15}$/.test(text) ? Number(text) : undefined
    case 'mode':
      return /^0?[0-7]{3}$/.test(text) ? Number.parseInt(text, 8) : undefined
    case 'seconds':
      return /^\d{1,9}(\.\d{1,3})?$/.test(text) ? Number(text) : undefined
    case 'size':
    case 'size-power-of-2':
      return parseSize(text)
    case 'readahead':
      return text === 'auto' || text === 'off' ? text : parseSize(text)
    case 'choice':
      return entry.choices?.includes(text) ? text : undefined
    case 'text':
    case 'list':
      return text
    case 'switch':
      return true
  }
}

/**
 * Returns `value` if it is a number of the option's kind inside its bounds.
 *
 * @param label what it was given as, for messages
 * @throws {UsageError} otherwise
 */
export function checkNumber(
  entry: OptionEntry,
  value: unknown,
  label: string = entry.long,
): number {
  const whole = entry.kind !== 'seconds'
  const usable =
    typeof value === 'number' &&
    (whole ? Number.isSafeInteger(value) : Number.isFinite(value)) &&
    value >= (entry.min ?? Number.MIN_SAFE_INTEGER) &&
    value <= (entry.max ?? Number.MAX_SAFE_INTEGER) &&
    (entry.kind !== 'size-power-of-2' || isPowerOf2(value)) &&
    (entry.kind !== 'mode' || (value >= 0 && value <= 0o777))
  if (!usable) throw unusable(entry, showNumber(entry, value), label)
  return value
}

function isPowerOf2(value: number): boolean {
  return Number.isInteger(Math.log2(value))
}

function showNumber(entry: OptionEntry, value: unknown): string {
  if (typeof value !== 'number') return String(value)
  const isSize = !['integer', 'seconds', 'mode'].includes(entry.kind)
  return isSize && Number.isSafeInteger(value) && value > 0 ? formatSize(value) : String(value)
}

function unusable(entry: OptionEntry, shown: string, label: string): UsageError {
  return usageError('value', { value: shownText(shown), flag: label, expected: expectation(entry) })
}

/** What an option takes, in words. */
export function expectation(entry: OptionEntry): string {
  const bounds = optionBounds(entry)
  switch (entry.kind) {
    case 'integer':
      return `a whole number ${bounds}`
    case 'mode':
      return 'an octal file mode, as 660'
    case 'seconds':
      return `seconds ${bounds}`
    case 'size':
      return `a size ${bounds}, as 64M or 1G`
    case 'size-power-of-2':
      return `a power of 2 ${bounds}, as 256K`
    case 'readahead':
      return `auto, off or a size ${bounds}, as 64M`
    case 'choice':
      return (entry.choices ?? []).join(', ').replace(/, ([^,]*)$/, ' or $1')
    default:
      return 'text'
  }
}
