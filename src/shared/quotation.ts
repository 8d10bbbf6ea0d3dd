// Text of a server's on its way into a message. It may repeat secrets of ours, which are known to the main thread
// alone, and a secret of which a part is missing, or a character is another one, is not found any more. So a
// worker changes nothing of it but marks what is to be made fit for one line, and that is done once it is masked.

/** Around a text that is not fit yet: 'START longest space text END'. */
const START = '\x02'
const END = '\x03'
// biome-ignore lint/suspicious/noControlCharactersInRegex: no text of ours or of a server's holds them.
const MARKS = /[\x02\x03]/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
const MARKED = /\x02(\d+) ([^\x02\x03]*)\x03/g

/** Characters that are shown of a text. */
const LONGEST = 80
/** Longer ones are not carried: they would have to be cut. */
const MOST_CARRIED = 64 * 1024
/** Words of ASCII, one space between them. */
const FIT = /^(?:[\x21-\x7e]+(?: [\x21-\x7e]+)*)?$/

/**
 * The text for a message of a worker's.
 *
 * @param longest characters that will be shown of it
 */
export function quoted(text: string, longest = LONGEST): string {
  if (text.length > MOST_CARRIED) return `(a text of ${text.length} characters)`
  if (text.length <= longest && FIT.test(text)) return text
  return `${START}${longest} ${text.replace(MARKS, ' ')}${END}`
}

/**
 * The message with all that is quoted in it made fit for one line.
 *
 * @param mask hides what is secret; it sees everything as it was sent
 */
export function unquoted(message: string, mask: (text: string) => string = text => text): string {
  const whole = message.replace(MARKED, (_marked, longest: string, text: string) => {
    const fit = mask(text).replace(/[^\x21-\x7e]+/g, ' ')
    return fit.trim().slice(0, Number(longest)).trimEnd()
  })
  return mask(whole)
}
