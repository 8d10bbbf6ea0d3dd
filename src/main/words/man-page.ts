// nbd-prefetch(1), made from the option table and the subcommands; man/nbd-prefetch.1 is what it
// makes, and a test compares the two.

import {
  OPTION_GROUPS,
  type OptionEntry,
  optionEntry,
  optionHelp,
  optionVariable,
  VARIABLE_PREFIX,
} from '../option-table.js'
import { VERSION } from '../version.js'
import { argument, bold, example, italic, roffText, tagged } from './roff.js'
import { STANDARD, SUBCOMMANDS, type Subcommand } from './subcommands.js'

/** Of the last change that a reader would notice. */
const DATE = '2026-11-25'

/** The whole page, with its last line break. */
export function manPage(): string {
  const [serve, ...others] = SUBCOMMANDS
  const parts = [
    '.\\" Generated from the option table: see CONTRIBUTING.md.',
    `.TH NBD\\-PREFETCH 1 ${DATE} ${argument(`nbd-prefetch ${VERSION}`)} "User Commands"`,
    '.SH NAME',
    'nbd\\-prefetch \\- NBD server that prefetches disk images from slow HTTP servers',
    '.SH SYNOPSIS',
    SUBCOMMANDS.flatMap(synopsis).join('\n.br\n'),
    '.SH DESCRIPTION',
    DESCRIPTION.map(text => roffText(text.replaceAll('\n', ' '))).join('\n.PP\n'),
    '.SH OPTIONS',
    roffText('Sizes are bytes, or carry K, M or G (powers of 1024).'),
    ...groups([...serve.entries, ...STANDARD]),
    '.SH SUBCOMMANDS',
    ...others.map(subcommand),
    '.SH EXIT STATUS',
    ...EXIT_STATUS.map(([status, text]) => tagged(bold(status), text)),
    '.SH ENVIRONMENT',
    ...ENVIRONMENT.map(([names, text]) => tagged(names.map(bold).join(', '), text)),
    '.SH FILES',
    ...FILES.map(([path, text]) => tagged(italic(path), text)),
    '.SH SIGNALS',
    ...SIGNALS.map(([names, text]) => tagged(names.map(bold).join(', '), text)),
    '.SH EXAMPLES',
    EXAMPLES.map(([text, command]) => `${roffText(text)}\n${example(command)}`).join('\n.PP\n'),
    '.SH SEE ALSO',
    SEE_ALSO.map(([name, section]) => `.BR ${name.replaceAll('-', '\\-')} (${section})`).join(
      ' ,\n',
    ),
    '.PP',
    roffText('What each message means and what to try: docs/errors.md of the package.'),
  ]
  return `${parts.join('\n')}\n`
}

function synopsis({ name, usage }: Subcommand): string[] {
  const program = name === '' ? 'nbd-prefetch' : `nbd-prefetch ${name}`
  return usage.map(words => `${bold(program)} ${italic(words)}`)
}

/** A heading for each group that has options. */
function groups(entries: readonly OptionEntry[]): string[] {
  return OPTION_GROUPS.flatMap(group => {
    const own = entries.filter(entry => entry.group === group)
    return own.length === 0 ? [] : [`.SS ${argument(group)}`, ...own.map(option)]
  })
}

function option(entry: OptionEntry): string {
  const { short, long, value, bare }: OptionEntry = entry
  const names = [short, long].filter(name => name !== undefined).map(bold)
  const tag =
    names.join(', ') +
    (value === undefined ? '' : bare === undefined ? ` ${italic(value)}` : `[=${italic(value)}]`)
  return tagged(tag, optionHelp(entry))
}

/** Options that the server has as well are not told twice. */
function subcommand({ name, usage, help, entries }: Subcommand): string {
  const served = new Set<string>(SUBCOMMANDS[0].entries.map(({ key }) => key))
  const own = entries.filter(({ key }) => !served.has(key))
  const groupsOfBoth = new Set(
    entries.filter(({ key }) => served.has(key)).map(({ group }) => group),
  )
  const shared = SUBCOMMANDS[0].entries.filter(({ key }) =>
    entries.some(entry => entry.key === key),
  )
  const left = SUBCOMMANDS[0].entries
    .filter(entry => groupsOfBoth.has(entry.group) && !shared.includes(entry))
    .map(({ long }) => long)
  const takes =
    groupsOfBoth.size === 0
      ? ''
      : ` Takes the options under ${[...groupsOfBoth].map(group => `"${group}"`).join(', ')}${
          left.length === 0 ? '' : `, except ${left.join(', ')}`
        }.`
  const words = usage.map(text => italic(text)).join(' | ')
  return [`.SS ${argument(name)}`, `${bold(`nbd-prefetch ${name}`)} ${words}`, '.PP']
    .concat(roffText(`${help}.${takes}`), ...own.map(option))
    .join('\n')
}

const DESCRIPTION = [
  'Exports a disk image that sits behind a slow HTTP or HTTPS server - VMware vCenter, a mirror, an object store - as an NBD\n' +
    'device, read only, and stays ahead of whoever reads it: many connections fetch what the reader will want next.\n' +
    'Every answer is checked against what was asked, and an image that changes midway fails loudly.',
  'Prints the NBD URI, one line for each export, once clients can connect, and stays in the foreground.\n' +
    'With --run it runs a command beside the server and ends with it.',
  'URL is an http or https URL. A disk of a virtual machine is named by a vpx:// or esx:// URI and the disk\n' +
    "as '[datastore] VM/VM.vmdk'. Several images in one process are written NAME=URL each; they share the ring, the\n" +
    'workers and, for each origin, the budget of --connections.',
] as const

const EXIT_STATUS = [
  ['0', 'Done, or asked to end by a signal once clients could connect.'],
  ['1', 'Failed; one line on standard error says why.'],
  ['2', 'Wrong usage; one line on standard error says what is expected.'],
  ['128 + n', 'Signal n came during the start, or was the second.'],
  ['other', 'With --run that of the command, 128 + n if signal n ended it.'],
] as const

const ENVIRONMENT = [
  [
    [`${VARIABLE_PREFIX}*`],
    `Every option may come from a variable: --ring-size from ${optionVariable(optionEntry('ringSize'))}, the URL from ${VARIABLE_PREFIX}URL. A flag counts before a variable, a variable before the file of --config, the file before the default.`,
  ],
  [
    ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'],
    'Proxies, as with --proxy and --noproxy.',
  ],
  [
    ['LISTEN_FDS', 'LISTEN_PID'],
    'Sockets that a service manager hands over; they are served in place of --unix and --port.',
  ],
  [
    ['NOTIFY_SOCKET', 'WATCHDOG_USEC'],
    'Where and how often a service manager is told that the server is well.',
  ],
  [['TMPDIR'], 'Where the private socket of --unix - is made.'],
  [
    ['uri', 'uris', 'nbd', 'unixsocket', 'port', 'exportname'],
    'Set for the command of --run: the NBD URI, all URIs parted by spaces, what nbdkit calls $nbd, and the parts of the URI.',
  ],
] as const

const FILES = [
  [
    'the configuration file',
    'JSON, named by --config: options in camel case (ringSize for --ring-size), url, disk and exports. None is read unasked.',
  ],
  ['the pidfile', 'Written by --pidfile once clients can connect, removed at exit.'],
  [
    'the spool file',
    'Made in the directory of --spool and without a name: it is gone with the process, however that ends.',
  ],
  ['the cookie jar', 'Read and written by --cookie-jar, in the format of curl and browsers.'],
] as const

const SIGNALS = [
  [
    ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'],
    'Running reads get --drain-timeout to finish, then all is closed. A second one ends at once. With --run they are handed to every process of the command; a second one kills them. Under nohup(1) SIGHUP is ignored.',
  ],
  [
    ['SIGUSR2'],
    'The files of --log-file and --progress-file are opened again under their names. Without them it is ignored.',
  ],
  [['SIGUSR1'], "Ignored: it does not open Node's debugger."],
] as const

const EXAMPLES = [
  [
    'Copy an image:',
    `nbd-prefetch --run 'nbdcopy -p "$uri" disk.img' https://mirror.example/disk.img`,
  ],
  [
    'Convert a disk of a virtual machine in vCenter, with the password in the first line of the file pw:',
    `nbd-prefetch --password-file pw --stats --run 'qemu-img convert -p "$uri" disk.img' \\
  'vpx://VSPHERE.LOCAL%5cme@vcenter.example/Datacenter/host' '[datastore1] vm/vm.vmdk'`,
  ],
  [
    'Leave a server running on a Unix socket:',
    'nbd-prefetch -U /run/me/disk.sock https://mirror.example/disk.img',
  ],
  [
    'Ask a server first what it can do, for at most 64 MiB of its traffic:',
    'nbd-prefetch probe https://mirror.example/disk.img',
  ],
  ['Complete its options in this bash:', 'eval "$(nbd-prefetch completion bash)"'],
] as const

const SEE_ALSO = [
  ['nbdcopy', 1],
  ['nbdkit', 1],
  ['nbdkit-curl-plugin', 1],
  ['qemu-img', 1],
  ['qemu-nbd', 8],
  ['virt-v2v', 1],
  ['nbd-client', 8],
] as const
