// The command that serves an image with the recommended flags: what the probe was told of the way to
// the origin, and what it found out. Nothing secret is in it; where it was, there is '***'. Pure.

import type { OptionEntry } from '../option-table.js'
import { formatSize } from '../parse-size.js'
import { maskedValue } from '../settings/masking.js'
import type { SettingValue } from '../settings/setting.js'
import type { RecommendedFlag } from './recommendation.js'

/** An option of the command line as it was read. */
export interface GivenOption {
  readonly entry: OptionEntry
  readonly value: SettingValue
}

/** Options that the probe had for itself. */
const OWN: ReadonlySet<string> = new Set(['connections', 'verbose'])

/**
 * The arguments behind the program's name.
 *
 * @param image the URL, and the disk where it is a server's
 * @param redact masks what is secret in a text
 */
export function serveArguments(
  given: readonly GivenOption[],
  flags: readonly RecommendedFlag[],
  image: readonly string[],
  redact: (text: string) => string,
): string[] {
  const kept = given.filter(
    ({ entry }) => !OWN.has(entry.key) && !flags.some(({ flag }) => flag === entry.long),
  )
  return [
    ...kept.flatMap(option => argumentsOf(option).map(redact)),
    ...flags.flatMap(({ flag, value }) => [flag, value]),
    ...image.map(text => redactImage(text, redact)),
  ]
}

/** Arguments as a shell takes them. */
export function shellCommand(args: readonly string[]): string {
  return ['nbd-prefetch', ...args.map(shellWord)].join(' ')
}

function argumentsOf({ entry, value }: GivenOption): string[] {
  const { long, kind } = entry
  if (kind === 'switch') return [long]
  const masked = maskedValue(entry, value)
  if (typeof masked === 'object') return masked.flatMap(text => [long, text])
  if (typeof masked === 'number' && (kind === 'size' || kind === 'size-power-of-2')) {
    return [long, formatSize(masked)]
  }
  const shown = String(masked)
  // '-' and '-3' would be taken for flags of their own otherwise.
  return shown.startsWith('-') ? [`${long}=${shown}`] : [long, shown]
}

/** A user name is one in the URI of a VMware server; in a URL it may be a token. */
function redactImage(text: string, redact: (text: string) => string): string {
  const match = /^((?:vpx|esx):\/\/[^/?#@:]*@)(.*)$/is.exec(text)
  return match === null ? redact(text) : `${match[1]}${redact(match[2] ?? '')}`
}

function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text
  return `'${text.replaceAll("'", "'\\''")}'`
}
