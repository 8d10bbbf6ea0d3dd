// Text as the man macros want it: what would be a command or an escape is written so that it isn't.

const LINE_CHARACTERS = 79

/** Running text, in lines no longer than style has it. Flags are set bold. */
export function roffText(text: string): string {
  const words = plain(text)
    .replace(/(?<![\w\\-])(\\-\\-?[A-Za-z0-9](?:\w|\\-\w)*)/g, '\\fB$1\\fR')
    .split(' ')
  const lines: string[] = []
  for (const word of words) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`
    const ended = lines.at(-1)?.endsWith('.') ?? true
    if (longer.length > LINE_CHARACTERS || ended) lines.push(word.replace(/^\./, '\\&.'))
    else lines[lines.length - 1] = longer
  }
  return lines.join('\n')
}

/** Text in a font, for the middle of a line. */
export function bold(text: string): string {
  return `\\fB${plain(text)}\\fR`
}
export function italic(text: string): string {
  return `\\fI${plain(text)}\\fR`
}

/** An argument of a macro. */
export function argument(text: string): string {
  return `"${plain(text).replaceAll('"', '\\(dq')}"`
}

/** Lines that are shown as they stand, indented. */
export function example(lines: string): string {
  return ['.PP', '.RS 4', '.nf', ...lines.split('\n').map(plain), '.fi', '.RE'].join('\n')
}

/** A word or words and what they mean. `tag` is roff already. */
export function tagged(tag: string, text: string): string {
  return `.TP\n${tag}\n${roffText(text)}`
}

/** What the text of a roff line reads as: the way back, for whoever checks it. */
export function roffShown(line: string): string {
  return line
    .replace(/\\f[BIR]/g, '')
    .replace(/\\&/g, '')
    .replaceAll('\\-', '-')
    .replaceAll('\\(aq', "'")
    .replaceAll('\\(dq', '"')
    .replaceAll('\\(ti', '~')
    .replaceAll('\\(ha', '^')
    .replaceAll('\\(ga', '`')
    .replaceAll('\\e', '\\')
}

function plain(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('~', '\\(ti')
    .replaceAll('^', '\\(ha')
}
