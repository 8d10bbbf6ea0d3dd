// Flags whose value may be left out. `--progress URL` must not take the URL for the value, so a value is
// only ever what stands behind '=' in the same word.

import type { OptionEntry } from './option-table.js'

/** The arguments with `--progress=auto` in place of a bare `--progress`, and so on. */
export function completeBareFlags(
  argv: readonly string[],
  entries: readonly OptionEntry[],
): string[] {
  const bare = new Map(entries.flatMap(({ long, bare }) => (bare ? [[long, bare]] : [])))
  const taking = new Set(
    entries
      .filter(({ kind, bare }) => kind !== 'switch' && bare === undefined)
      .flatMap(({ long, short }) => [long, ...(short === undefined ? [] : [short])]),
  )
  const complete: string[] = []
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string
    if (word === '--') return [...complete, ...argv.slice(i)]
    const value = bare.get(word)
    complete.push(value === undefined ? word : `${word}=${value}`)
    // Whatever it looks like, the next word is this one's value.
    if (taking.has(word) && i + 1 < argv.length) complete.push(argv[++i] as string)
  }
  return complete
}
