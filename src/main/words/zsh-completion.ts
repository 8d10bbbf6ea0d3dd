// Completions for zsh: a file for a directory of $fpath, or text for eval behind compinit.

import type { OptionEntry } from '../option-table.js'
import { STANDARD, SUBCOMMANDS, type Subcommand } from './subcommands.js'
import { shortHelp, type ValueKind, valueKind } from './value-kind.js'

/** The script, with its last line break. */
export function zshCompletion(): string {
  const [serve, ...others] = SUBCOMMANDS
  const described = others.map(({ name, help }) => quoted(`${name}:${help.replaceAll(':', '\\:')}`))
  return `#compdef nbd-prefetch
# Completions of nbd-prefetch for zsh.

${SUBCOMMANDS.map(functionOf).join('\n')}
_nbd-prefetch() {
  local name=\${words[2]}
  if (( CURRENT > 2 )); then
    case $name in
${others.map(({ name }) => `      ${name}) shift words; (( CURRENT-- )); _nbd_prefetch_${name}; return ;;`).join('\n')}
    esac
  elif [[ $name != -* ]]; then
    local -a commands=(${described.join(' ')})
    _describe -t commands command commands
    return
  fi
  _nbd_prefetch_${nameOf(serve)}
}

if [ "$funcstack[1]" = _nbd-prefetch ]; then
  _nbd-prefetch "$@"
else
  compdef _nbd-prefetch nbd-prefetch
fi
`
}

function nameOf({ name }: Subcommand): string {
  return name === '' ? 'serve' : name
}

function functionOf(subcommand: Subcommand): string {
  const argument =
    subcommand.words === undefined ? '*:URL: ' : `1:name:(${subcommand.words.join(' ')})`
  const specs = [...[...subcommand.entries, ...STANDARD].map(spec), quoted(argument)]
  return `_nbd_prefetch_${nameOf(subcommand)}() {
  _arguments -S \\
    ${specs.join(' \\\n    ')}
}
`
}

/** One option as _arguments takes it. */
function spec(entry: OptionEntry): string {
  const { short, long, kind } = entry
  const value = entry.bare === undefined ? entry.value : undefined
  const repeated = kind === 'list'
  // 'repeated', or 'not beside itself under its other name'.
  const before = repeated ? '*' : short === undefined ? '' : `(${short} ${long})`
  const names =
    short === undefined
      ? long + (value === undefined ? '' : '=')
      : `{${short}${value === undefined ? '' : '+'},${long}${value === undefined ? '' : '='}}`
  const help = shortHelp(entry).replace(/[[\]:]/g, '\\$&')
  const tail = `[${help}]${action(entry, valueKind(entry))}`
  return short === undefined
    ? quoted(`${before}${names}${tail}`)
    : `${quoted(before)}${names}${quoted(tail)}`
}

function action({ value = '' }: OptionEntry, offered: ValueKind): string {
  const message = value.replace(/[:[\]]/g, '\\$&')
  switch (offered.kind) {
    case 'none':
      return ''
    case 'words':
      return `:${message}:(${offered.words.join(' ')})`
    case 'file':
      return `:${message}:_files`
    case 'directory':
      return `:${message}:_files -/`
    case 'text':
      return `:${message}: `
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
