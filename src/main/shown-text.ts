// Text of somebody else's making inside a message of ours: one line, of bearable length, and nothing
// in it that a terminal obeys.

/** Characters shown of a text. */
const LONGEST = 80

/** The text with control characters escaped, and cut if it is long. */
export function shownText(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
  return cut.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be shown
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
