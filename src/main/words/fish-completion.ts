// Completions for fish 3: a line for each option of each subcommand.

import type { OptionEntry } from '../option-table.js'
import { STANDARD, SUBCOMMANDS, type Subcommand } from './subcommands.js'
import { shortHelp, valueKind } from './value-kind.js'

/** The script, with its last line break. */
export function fishCompletion(): string {
  const [serve, ...others] = SUBCOMMANDS
  const first = '__fish_is_first_token'
  const named = others.map(({ name }) => name).join(' ')
  const lines = [
    '# Completions of nbd-prefetch for fish.',
    // URLs, not files.
    'complete -c nbd-prefetch -f',
    ...others.map(({ name, help }) => complete(first, `-a ${name} -d ${quoted(help)}`)),
    ...optionLines(serve, `not __fish_seen_subcommand_from ${named}`),
    ...others.flatMap(subcommand => {
      const seen = `__fish_seen_subcommand_from ${subcommand.name}`
      const words =
        subcommand.words === undefined ? [] : [`-a ${quoted(subcommand.words.join(' '))}`]
      return [...words.map(rest => complete(seen, rest)), ...optionLines(subcommand, seen)]
    }),
  ]
  return `${lines.join('\n')}\n`
}

function optionLines({ entries }: Subcommand, condition: string): string[] {
  return [...entries, ...STANDARD].map(entry => complete(condition, option(entry)))
}

function complete(condition: string, rest: string): string {
  return `complete -c nbd-prefetch -n ${quoted(condition)} ${rest}`
}

function option(entry: OptionEntry): string {
  const short = entry.short === undefined ? '' : `-s ${entry.short.slice(1)} `
  return `${short}-l ${entry.long.slice(2)}${value(entry)} -d ${quoted(shortHelp(entry))}`
}

function value(entry: OptionEntry): string {
  const offered = valueKind(entry)
  switch (offered.kind) {
    case 'none':
      return ''
    case 'words':
      return ` -x -a ${quoted(offered.words.join(' '))}`
    case 'file':
      return ' -r -F'
    case 'directory':
      return " -x -a '(__fish_complete_directories)'"
    case 'text':
      return ' -x'
  }
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`
}
