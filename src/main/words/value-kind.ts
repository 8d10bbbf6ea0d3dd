// What a shell can offer for the value of an option: words, files, directories, or nothing.

import type { OptionEntry } from '../option-table.js'

export type ValueKind =
  /** It takes no value. */
  | { readonly kind: 'none' }
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'file' }
  | { readonly kind: 'directory' }
  /** A value that only the user knows. */
  | { readonly kind: 'text' }

const FILES = new Set(['FILE', 'PATH'])
const DIRECTORIES = new Set(['DIR', 'DIRECTORY'])

/** What the value of an option is completed with: read from what help calls it. */
export function valueKind({ value, choices, bare }: OptionEntry): ValueKind {
  // A value that may be left out is no word of its own.
  if (value === undefined || bare !== undefined) return { kind: 'none' }
  if (FILES.has(value)) return { kind: 'file' }
  if (DIRECTORIES.has(value)) return { kind: 'directory' }
  // Capitals stand for something else: 'auto|off|SIZE'.
  const words = choices ?? (value.includes('|') ? value.split('|').filter(isLiteral) : [])
  return words.length === 0 ? { kind: 'text' } : { kind: 'words', words }
}

function isLiteral(word: string): boolean {
  return !/[A-Z]/.test(word)
}

/** What an option does in the few words that a shell has room for. */
export function shortHelp({ help }: OptionEntry): string {
  return help.replace(/(; |\. |, as |: '| \().*$/s, '')
}
