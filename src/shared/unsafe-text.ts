// Text from servers, clients and files ends up in logs, in messages and on terminals: no control character
// of theirs reaches one, and nothing makes a line look as if it were two, or read backwards.

/** Control characters of ASCII and Latin 1, line separators, and what changes the direction of text. */
const UNSAFE = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu
const UNSAFE_RUN = new RegExp(`(?:${UNSAFE.source})+`, UNSAFE.flags)

/** Characters that `shownText()` shows of a text. */
const LONGEST = 80

/** The text with a space in place of each run of such characters. */
export function oneLine(text: string): string {
  return text.replace(UNSAFE_RUN, ' ')
}

/** The text as a message of ours quotes it: such characters escaped, and cut if it is long. */
export function shownText(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
  return cut.replace(
    UNSAFE,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
