// The option tables of the README, made from the option table: a test compares the two.

import { OPTION_GROUPS, OPTION_TABLE, type OptionEntry, optionFlags } from './option-table.js'

/** One Markdown table for each group of options, without a trailing line break. */
export function optionsMarkdown(): string {
  const entries: readonly OptionEntry[] = OPTION_TABLE
  return OPTION_GROUPS.map(group => {
    const rows = entries.filter(entry => entry.group === group).map(row)
    return [
      `**${group}**`,
      '',
      '| option | default | what it does | in nbdkit |',
      '|---|---|---|---|',
      ...rows,
    ].join('\n')
  }).join('\n\n')
}

function row(entry: OptionEntry): string {
  const cells = [
    code(optionFlags(entry)),
    entry.default ?? '',
    entry.help,
    entry.nbdkit === undefined ? '' : code(entry.nbdkit),
  ]
  return `| ${cells.join(' | ')} |`
}

/** A bar inside a cell would end it, even in code. */
function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``
}
