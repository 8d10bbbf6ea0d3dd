// The files of the repository that are made from the code: `npm run generate` writes them, a test
// says when one is out of date.

import { readFile, writeFile } from 'node:fs/promises'
import { optionsMarkdown } from '../options-markdown.js'
import { configSchemaText } from '../settings/config-schema.js'
import { errorsMarkdown } from './errors-markdown.js'
import { manPage } from './man-page.js'

/** A file below the repository's root, and its text as it should be, given what it is. */
export interface GeneratedFile {
  readonly path: string
  readonly make: (before: string) => string
}

export const GENERATED_FILES: readonly GeneratedFile[] = [
  { path: 'README.md', make: before => between(before, 'options', optionsMarkdown()) },
  { path: 'docs/config.schema.json', make: configSchemaText },
  { path: 'man/nbd-prefetch.1', make: manPage },
  { path: 'docs/errors.md', make: errorsMarkdown },
]

/** Writes all of them. @param root of the repository, with a slash at its end */
export async function writeGeneratedFiles(root: URL): Promise<void> {
  for (const { path, make } of GENERATED_FILES) {
    const file = new URL(path, root)
    const before = await readFile(file, 'utf8').catch(() => '')
    const text = make(before)
    if (text !== before) await writeFile(file, text)
  }
}

/** Puts `text` between the two marks of a name. @throws RangeError if they are not there */
function between(before: string, name: string, text: string): string {
  const [start, end] = [`<!-- ${name}:start -->\n`, `\n<!-- ${name}:end -->`]
  const from = before.indexOf(start)
  const to = before.indexOf(end)
  if (from < 0 || to < from) throw new RangeError(`Cannot generate: no marks for ${name}`)
  return before.slice(0, from + start.length) + text + before.slice(to)
}
