// A value of the configuration file as a setting. JSON has its own types: switches are true or false,
// lists are arrays, sizes are numbers of bytes or texts as flags take them.

import { shownText } from '../../shared/unsafe-text.js'
import type { OptionEntry } from '../option-table.js'
import { checkNumber, expectation, parseOptionValue } from '../option-values.js'
import { usageError } from '../usage-error.js'
import type { SettingValue } from './setting.js'

/**
 * @param label as messages call the place: "'workers' in the configuration file 'x.json'"
 * @throws {UsageError} if the value is not what the option takes; shows no secret
 */
export function readConfigValue(entry: OptionEntry, value: unknown, label: string): SettingValue {
  const parsed = parseValue(entry, value, label)
  if (parsed === undefined) {
    throw usageError('config-value', {
      value: shown(entry, value),
      key: label,
      expected: jsonExpectation(entry),
    })
  }
  return typeof parsed === 'number' ? checkNumber(entry, parsed, label) : parsed
}

/** Undefined for a value of the wrong type. */
function parseValue(entry: OptionEntry, value: unknown, label: string): SettingValue | undefined {
  switch (entry.kind) {
    case 'switch':
      return typeof value === 'boolean' ? value : undefined
    case 'integer':
    case 'seconds':
      return typeof value === 'number' ? value : undefined
    case 'list':
      return Array.isArray(value) && value.every(item => typeof item === 'string')
        ? (value as string[])
        : undefined
    case 'size':
    case 'size-power-of-2':
    case 'readahead':
      if (typeof value === 'number') return value
      break
  }
  return typeof value === 'string' ? parseOptionValue(entry, value, label) : undefined
}

function jsonExpectation(entry: OptionEntry): string {
  switch (entry.kind) {
    case 'switch':
      return 'true or false'
    case 'list':
      return 'an array of texts'
    case 'mode':
      return 'an octal file mode as text, as "660"'
    case 'text':
      return 'a text'
    default:
      return expectation(entry)
  }
}

function shown({ secret }: OptionEntry, value: unknown): string {
  const isPlain = typeof value !== 'object' && secret === undefined
  return isPlain ? `'${shownText(String(value))}'` : typeName(value)
}

/** What a JSON value is, for messages: 'an array'. */
export function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
