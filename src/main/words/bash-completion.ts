// Completions for bash 3.2 and newer, by themselves: they need no package bash-completion.

import type { OptionEntry } from '../option-table.js'
import { STANDARD, SUBCOMMANDS, type Subcommand } from './subcommands.js'
import { type ValueKind, valueKind } from './value-kind.js'

/** The script, with its last line break. */
export function bashCompletion(): string {
  const names = SUBCOMMANDS.slice(1).map(({ name }) => name)
  return `# Completions of nbd-prefetch for bash.
_nbd_prefetch() {
  local cur=\${COMP_WORDS[COMP_CWORD]} option='' command=\${COMP_WORDS[1]:-} flags words
  COMPREPLY=()
  # bash parts --tls=on into three words.
  if [ "$cur" = = ]; then
    option=\${COMP_WORDS[COMP_CWORD - 1]} cur=''
  elif [ "$COMP_CWORD" -gt 1 ] && [ "\${COMP_WORDS[COMP_CWORD - 1]}" = = ]; then
    option=\${COMP_WORDS[COMP_CWORD - 2]}
  elif [ "$COMP_CWORD" -gt 1 ]; then
    option=\${COMP_WORDS[COMP_CWORD - 1]}
  fi
  case $option in
${values().join('\n')}
  esac
  if [ "$COMP_CWORD" = 1 ]; then command=''; fi
  case $command in
${SUBCOMMANDS.slice(1).map(branch).join('\n')}
    *) flags='${flagsOf(SUBCOMMANDS[0])}' words='' ;;
  esac
  if [ "$COMP_CWORD" = 1 ]; then words='${names.join(' ')}'; fi
  case $cur in
    -*) words=$flags ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _nbd_prefetch nbd-prefetch
`
}

function branch(subcommand: Subcommand): string {
  const words = (subcommand.words ?? []).join(' ')
  return `    ${subcommand.name}) flags='${flagsOf(subcommand)}' words='${words}' ;;`
}

function flagsOf({ entries }: Subcommand): string {
  return [...entries, ...STANDARD].flatMap(names).join(' ')
}

function names({ short, long }: OptionEntry): string[] {
  return short === undefined ? [long] : [short, long]
}

/** One branch for all options whose values are completed alike. */
function values(): string[] {
  const actions = new Map<string, string[]>()
  const flags = new Set<string>()
  for (const entry of SUBCOMMANDS.flatMap(({ entries }) => entries)) {
    const action = actionOf(valueKind(entry))
    if (action === undefined || flags.has(entry.long)) continue
    flags.add(entry.long)
    actions.set(action, [...(actions.get(action) ?? []), ...names(entry)])
  }
  return [...actions].map(
    ([action, all]) => `    ${all.join(' | ')})\n      ${action}\n      return ;;`,
  )
}

function actionOf(value: ValueKind): string | undefined {
  switch (value.kind) {
    case 'none':
      return undefined
    case 'words':
      return `COMPREPLY=($(compgen -W '${value.words.join(' ')}' -- "$cur"))`
    case 'file':
      return pathAction('-f')
    case 'directory':
      return pathAction('-d')
    case 'text':
      return ':'
  }
}

/** Names may hold spaces: a line each. */
function pathAction(kind: '-f' | '-d'): string {
  return [
    'compopt -o filenames 2>/dev/null',
    `while IFS= read -r words; do COMPREPLY+=("$words"); done < <(compgen ${kind} -- "$cur")`,
  ].join('\n      ')
}
