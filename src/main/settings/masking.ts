// Settings as they may be shown: what is secret of a value, by the option table, is masked.

import type { OptionEntry } from '../option-table.js'
import { namesSource } from '../secret-input.js'
import { redactUrls } from '../source/credentials.js'
import type { SettingValue } from './setting.js'

const MASK = '***'

/** The value without what is secret in it. */
export function maskedValue(entry: OptionEntry, value: SettingValue): SettingValue {
  if (typeof value === 'object') return value.map(text => maskedText(entry, text))
  return typeof value === 'string' ? maskedText(entry, value) : value
}

/** Whether a value holds a secret, as far as can be told. */
export function holdsSecret(entry: OptionEntry, value: SettingValue): boolean {
  return String(maskedValue(entry, value)) !== String(value)
}

function maskedText({ secret }: OptionEntry, text: string): string {
  switch (secret) {
    case 'text':
      return MASK
    case 'text-or-place':
      return namesSource(text) ? text : MASK
    case 'header-value':
      return maskedHeader(text)
    case 'user-info':
      // A proxy's scheme may be left out.
      return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^/?#\s]*@/i, `$1${MASK}@`)
    default:
      return redactUrls(text)
  }
}

/** A header without its value, any of which may be a secret. */
function maskedHeader(text: string): string {
  const name = /^[^:;]*/.exec(text)?.[0] ?? ''
  const bare = text.slice(name.length).trim()
  return bare.length <= 1 ? text : `${name}: ${MASK}`
}
