// Text from servers, clients and files ends up in logs and on terminals: no control character of theirs
// reaches one, and nothing makes a line look as if it were two, or read backwards.

/** Control characters of ASCII and Latin 1, line separators, and what changes the direction of text. */
const UNSAFE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu

/** The text with a space in place of each run of such characters. */
export function oneLine(text: string): string {
  return text.replace(UNSAFE, ' ')
}
