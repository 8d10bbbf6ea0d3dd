// Messages: the command line and the options of serve() as such.

import type { Catalogue } from '../../shared/message.js'

export const COMMAND_LINE_MESSAGES = {
  'no-url': {
    text: 'Cannot {verb} an image: its URL is missing, as in https://host/disk.img',
    means: 'Nothing says which image is meant.',
    fix: '',
  },
  'no-value': {
    text: 'Cannot use {flag}: its {value} is missing',
    means: 'The flag stands last, or another flag stands where its value should be.',
    fix: 'A value that begins with a dash is written behind an equals sign: `--flag=-value`.',
  },
  'command-line': {
    text: 'Cannot read the command line: {problem}; see nbd-prefetch --help',
    means: 'A flag is not known, or there is a word too many.',
    fix: 'Look at the flag that is proposed, if one is, and quote words with spaces.',
  },
  'word-order': {
    text: "Cannot read the command line: '{word}' must be its first word",
    means: 'A subcommand stands behind flags or a URL.',
    fix: '',
  },
  'not-a-command': {
    text: "Cannot read the command line: '{word}' is neither a command nor a URL{hint}; see nbd-prefetch --help",
    means:
      'The first word looks like a subcommand that does not exist, or the scheme of a URL is missing.',
    fix: '',
  },
  'probe-several': {
    text: 'Cannot probe several images: give the URL of one, without a name',
    means: 'A probe measures one server at a time.',
    fix: '',
  },
  'completion-shell': {
    text: 'Cannot print completions: expected one of {shells}, as in nbd-prefetch completion bash',
    means: 'There are completions for these shells only.',
    fix: '',
  },
  value: {
    text: "Cannot use '{value}' for {flag}: expected {expected}",
    means: 'The value is not of the form or not within the bounds that the option has.',
    fix: '`--help` shows the bounds of each number.',
  },
  'value-type': {
    text: 'Cannot use a {type} for {flag}: expected text',
    means: 'A program gave `serve()` a value of another type.',
    fix: '',
  },
  'options-type': {
    text: 'Cannot serve: expected an object of options, got {type}',
    means: 'A program called `serve()` with something else.',
    fix: '',
  },
  'unknown-option': {
    text: "Cannot use the option '{key}': there is none of that name{hint}",
    means: 'A program gave `serve()` an option that does not exist: it may be misspelt.',
    fix: 'Take the name that is proposed, if one is.',
  },
  'export-option-of-server': {
    text: "Cannot use the option '{key}' of export '{name}': it holds for the whole server",
    means: 'Exports of one process share it.',
    fix: 'Say it outside of `exports`.',
  },
  'export-option-unknown': {
    text: "Cannot use the option '{key}' of export '{name}': there is none of that name{hint}",
    means: 'An entry of `exports` has an option that does not exist: it may be misspelt.',
    fix: 'Take the name that is proposed, if one is.',
  },
  'of-export': {
    text: "{refusal} (export '{name}')",
    means: 'One export of several has options that cannot be used: see the first part.',
    fix: '',
  },
  'one-of-two': {
    text: 'Cannot use {flag} together with {other}: choose one',
    means: 'Both say the same thing, or exclude each other.',
    fix: '',
  },
  'secret-twice': {
    text: 'Cannot use --{what} together with --{what}-file: choose one',
    means: 'Both give the same secret.',
    fix: '',
  },
  'run-and-sockets': {
    text: 'Cannot use --run together with sockets that are handed over (LISTEN_FDS)',
    means: 'A service manager handed sockets over: their clients would come beside the command.',
    fix: 'Leave out `--run`, or start the program without socket activation.',
  },
  'listen-fds': {
    text: "Cannot use '{value}' for LISTEN_FDS: expected from 1 to {most}",
    means: 'The variable by which a service manager hands sockets over holds no such number.',
    fix: 'Leave the variable to systemd.',
  },
  'listen-fds-empty': {
    text: 'Cannot use the listenFds: expected one descriptor or more',
    means: 'A program gave `serve()` an empty list, or values that are no descriptors.',
    fix: '',
  },
  'sockets-and-address': {
    text: 'Cannot use {flag} together with sockets that are handed over',
    means: 'The sockets of a service manager have their addresses already.',
    fix: 'Set the address in the socket unit.',
  },
} as const satisfies Catalogue
