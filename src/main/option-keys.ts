// Whether what `serve()` was given is options at all, and none is misspelt: an option that is
// silently left out would be found when it is too late.

import { OPTION_TABLE, type OptionKey } from './option-table.js'
import type { ServerOptions } from './options.js'
import { usageError } from './usage-error.js'

/** Options of `serve()` that are no flags. Does not compile while one is missing. */
const LIBRARY_ONLY: Readonly<Record<Exclude<keyof ServerOptions, OptionKey>, true>> = {
  url: true,
  disk: true,
  exports: true,
  bearerToken: true,
  cookies: true,
  ca: true,
  clientCertificate: true,
  clientKey: true,
  clientKeyPassphrase: true,
  proxyCa: true,
  env: true,
  listenFds: true,
  log: true,
  signal: true,
}
/** Flags that are no options of `serve()`: its caller does these things itself. */
const COMMAND_LINE_ONLY: Readonly<Record<Exclude<OptionKey, keyof ServerOptions>, true>> = {
  passwordFile: true,
  bearerTokenFile: true,
  cookieFile: true,
  cookieJar: true,
  cert: true,
  key: true,
  keyPassphraseFile: true,
  proxyPasswordFile: true,
  proxyCacert: true,
  stats: true,
  verbose: true,
  run: true,
  pidfile: true,
  exitWithParent: true,
  cacert: true,
  capath: true,
}

/** Edits by which a name may differ from the one that was meant. */
const MOST_EDITS = 3

/**
 * Refuses what is no object and any key that is no option.
 *
 * @throws {UsageError} naming the key and the likeliest option
 */
export function checkOptionKeys(options: unknown): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const what = options === null ? 'null' : Array.isArray(options) ? 'an array' : typeof options
    throw usageError('options-type', { type: what })
  }
  const known: string[] = [
    ...Object.keys(LIBRARY_ONLY),
    ...OPTION_TABLE.map(({ key }) => key).filter(key => !(key in COMMAND_LINE_ONLY)),
  ]
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue
    throw usageError('unknown-option', { key, hint: hint(key, known) })
  }
}

function hint(key: string, known: readonly string[]): string {
  const wanted = plain(key)
  const [best] = known
    .map(name => ({ name, edits: editsBetween(wanted, plain(name)) }))
    .filter(({ name, edits }) => edits <= MOST_EDITS && edits < name.length / 2)
    .sort((a, b) => a.edits - b.edits)
  return best === undefined ? '' : `, did you mean '${best.name}'?`
}

/** Flags are written with dashes, by some with capitals. */
function plain(name: string): string {
  return name.replace(/[-_]/g, '').toLowerCase()
}

/** Levenshtein's distance: insertions, deletions and replacements. */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
