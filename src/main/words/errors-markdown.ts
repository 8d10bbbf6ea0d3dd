// docs/errors.md, made from the catalogues of messages.

import { FAILURES, GIVEN_UP_TEXT } from '../../shared/failures.js'
import type { Catalogue } from '../../shared/message.js'
import { COMMAND_LINE_MESSAGES } from '../messages/command-line.js'
import { EXPORT_MESSAGES } from '../messages/exports.js'
import { FILE_MESSAGES } from '../messages/files.js'
import { LISTEN_MESSAGES } from '../messages/listening.js'
import { LOGIN_MESSAGES } from '../messages/login.js'
import { NETWORK_MESSAGES } from '../messages/network.js'
import { SERVING_MESSAGES } from '../messages/serving.js'
import { SETTINGS_MESSAGES } from '../messages/settings.js'
import { SOURCE_MESSAGES } from '../messages/sources.js'
import { WARNING_MESSAGES } from '../messages/warnings.js'
import { REFUSALS } from '../nbd/refusals.js'

/** Messages that stand together. */
interface Chapter {
  readonly title: string
  /** Which side it is, and what follows. */
  readonly about: string
  readonly messages: Catalogue
}

const USAGE = 'Side: how the program was called (`UsageError`, exit status 2; nothing was started).'

/** All catalogues but that of failures, which has sides and several texts a code. */
export const CHAPTERS: readonly Chapter[] = [
  { title: 'The command line', about: USAGE, messages: COMMAND_LINE_MESSAGES },
  { title: 'Configuration file and variables', about: USAGE, messages: SETTINGS_MESSAGES },
  { title: 'Images and their names', about: USAGE, messages: EXPORT_MESSAGES },
  { title: 'Serving clients', about: USAGE, messages: SERVING_MESSAGES },
  { title: 'Login, headers and cookies', about: USAGE, messages: LOGIN_MESSAGES },
  { title: 'The way to the server', about: USAGE, messages: NETWORK_MESSAGES },
  {
    title: 'Files and terminals',
    about: 'Side: this machine (`FileError`, exit status 1).',
    messages: FILE_MESSAGES,
  },
  {
    title: 'Listening',
    about: 'Side: this machine (`ListenError`, exit status 1).',
    messages: LISTEN_MESSAGES,
  },
  {
    title: 'Opening an image',
    about:
      'Side: the server and the way to it (`SourceError`, exit status 1). `{failure}` is one of the failures below, ' +
      '`{name}` the URL with its secrets masked.',
    messages: SOURCE_MESSAGES,
  },
  {
    title: 'What clients are told',
    about:
      "Side: the client. Clients with structured replies show the text; others only the error number. The log has it with `-v`, as a connection's reason to end.",
    messages: REFUSALS,
  },
  {
    title: 'Warnings in the log',
    about:
      'Nothing ends by them but what they say. Each line has its code as `code=`, or that of the failure it tells of. ' +
      'The status page lists the latest.',
    messages: WARNING_MESSAGES,
  },
]

/** The whole page, with its last line break. */
export function errorsMarkdown(): string {
  const chapters = CHAPTERS.map(({ title, about, messages }) =>
    [
      `## ${title}`,
      about,
      table(
        ['code', 'message', 'what it means', 'what to try'],
        Object.entries(messages).map(([code, entry]) => [
          cell(code),
          cell(entry.text),
          entry.means,
          entry.fix,
        ]),
      ),
    ].join('\n\n'),
  )
  return `${[INTRODUCTION, FAILED_REQUESTS, ...chapters, REST].join('\n\n')}\n`
}

const INTRODUCTION = `# Errors: what each message means and what to try

<!-- Generated from the code: see CONTRIBUTING.md. -->

Every message is one line: what could not be done, on which URL or file, and what was the case; often what to try. Secrets are
masked in all of them. \`{name}\` and its like stand for what is known when it happens. The code of a message stays the
same when its words change: \`-v\` prints it below an error that ends the program, every warning of the log has
it as \`code=\`, and programs find it as \`reason\` of what \`serve()\` throws.`

const FAILED_REQUESTS = [
  '## Requests that fail',
  'Failures are repeated where that may help (`--retries`, `--retry-time`), with `-v` each is told. What is given up is told as ' +
    `\`${GIVEN_UP_TEXT}\`, in the log and to the client whose read fails with EIO. A failure at the start stands in a message of *Opening an image*.`,
  table(
    ['code', 'side', 'messages', 'what it means', 'what to try'],
    Object.entries(FAILURES).map(([code, { side, texts, means, fix }]) => [
      cell(code),
      side,
      Object.values(texts).map(cell).join('<br>'),
      means,
      fix,
    ]),
  ),
].join('\n\n')

const REST = `## Defects

A line that begins \`internal error:\` is a defect of this program, with the place it came from. Report it. Programs that call
\`serve()\` or the ring with impossible values get a \`RangeError\` or \`TypeError\` that says which.`

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows]
    .map(cells => `| ${cells.map(text => text.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')
}

/** Code in a cell; a text that holds a backquote would end it. */
function cell(text: string): string {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``
}
