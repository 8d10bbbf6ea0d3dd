// What somebody meant who misspelt a name.

/** Edits by which a name may differ from the one that was meant. */
const MOST_EDITS = 3

/** The likeliest of the known names; undefined if none is like it. */
export function likeliest(given: string, known: Iterable<string>): string | undefined {
  const wanted = plain(given)
  const [best] = [...known]
    .map(name => ({ name, edits: editsBetween(wanted, plain(name)) }))
    .filter(({ name, edits }) => edits <= MOST_EDITS && edits < plain(name).length / 2)
    .sort((a, b) => a.edits - b.edits)
  return best?.name
}

/** `, did you mean 'NAME'?` with the likeliest of the known names; '' if none is like it. */
export function didYouMean(given: string, known: Iterable<string>): string {
  const best = likeliest(given, known)
  return best === undefined ? '' : `, did you mean '${best}'?`
}

/** Flags are written with dashes, variables with underscores and capitals. */
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
