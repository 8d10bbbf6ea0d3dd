// `nbd-prefetch completion SHELL`: which script, and what is said of one that there is none for.

import { usageError } from '../usage-error.js'
import { bashCompletion } from './bash-completion.js'
import { fishCompletion } from './fish-completion.js'
import { SHELLS, type Shell } from './subcommands.js'
import { zshCompletion } from './zsh-completion.js'

const SCRIPTS: Readonly<Record<Shell, () => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
}

const HELP = `Usage: nbd-prefetch completion ${SHELLS.join('|')}

Prints the completions of a shell. To have them in each:

  bash  nbd-prefetch completion bash >~/.local/share/bash-completion/completions/nbd-prefetch
        or, without the package bash-completion, in ~/.bashrc: eval "$(nbd-prefetch completion bash)"
  zsh   nbd-prefetch completion zsh >DIRECTORY/_nbd-prefetch, with a DIRECTORY of $fpath
        or, in ~/.zshrc behind compinit: eval "$(nbd-prefetch completion zsh)"
  fish  nbd-prefetch completion fish >~/.config/fish/completions/nbd-prefetch.fish
`

/**
 * What `completion` prints, given the words behind it.
 *
 * @throws {UsageError} unless they name one shell
 */
export function completionText(words: readonly string[]): string {
  if (words.includes('--help') || words.includes('-h')) return HELP
  const [shell] = words
  const known = SHELLS.find(name => name === shell)
  if (known === undefined || words.length > 1) {
    throw usageError('completion-shell', { shells: SHELLS.join(', ') })
  }
  return SCRIPTS[known]()
}
