// Messages: files, standard streams and the terminal.

import type { Catalogue } from '../../shared/message.js'

export const FILE_MESSAGES = {
  'file-large': {
    text: "Cannot read the {what} '{path}': it is larger than 16 MiB",
    means: 'Files of certificates, keys and cookies are small: another one may be meant.',
    fix: '',
  },
  'file-read': {
    text: "Cannot read the {what} '{path}': {problem}",
    means: 'The system refuses to open or read a file that an option names.',
    fix: 'Look at the path and at who may read it: the program runs as the user who starts it.',
  },
  'file-open': {
    text: "Cannot open the {what} '{path}': {problem}",
    means: 'The system refuses to open a file that is written on and on, such as a log.',
    fix: 'Look at the directory, which must exist, and at who may write there.',
  },
  'file-write': {
    text: "Cannot write the {what} '{path}': {problem}",
    means: 'The system refuses to write a file that an option names.',
    fix: 'Look at the directory: a file is written beside its place first, and renamed.',
  },
  'pidfile-kind': {
    text: "Cannot use '{path}' for --pidfile: it exists and is no regular file",
    means: 'Writing the pidfile would replace a device, a FIFO, a directory or a link.',
    fix: 'Name a file that may be made and removed, or leave out `--pidfile`.',
  },
  'output-write': {
    text: 'Cannot write to standard output: {problem}',
    means:
      'A report could not be printed whole: the disk behind it may be full. Of the URI of a server it is a warning, and clients can connect.',
    fix: '',
  },
  'secret-read': {
    text: 'Cannot read {what}: {problem}',
    means: 'The file or descriptor that a secret is to come from cannot be read.',
    fix: "With '-FD' the descriptor must be open in the program that starts this one.",
  },
  'no-terminal': {
    text: 'Cannot ask for the {what}: there is no terminal, give it in a file or on a descriptor',
    means: "'-' asks on a terminal, and this process has none.",
    fix: '',
  },
  'secret-refused': {
    text: 'Cannot read the {what}: it was not given',
    means: 'The question was ended with Ctrl-C or Ctrl-D.',
    fix: '',
  },
  'terminal-gone': {
    text: 'Cannot read the {what}: the terminal is gone',
    means: 'The terminal was closed while the question stood there.',
    fix: '',
  },
  'spool-directory': {
    text: "Cannot use '{path}' for --spool: {problem}",
    means: 'No file can be made in the directory.',
    fix: 'Name a directory that exists, may be written, and has room for the whole image.',
  },
  'spool-closed': {
    text: 'Cannot read the spool file: it is closed',
    means: 'A read came after the end.',
    fix: '',
  },
  'spool-short': {
    text: 'Cannot read the spool file: it is too short',
    means: 'Something cut off the file of the download.',
    fix: 'Start again.',
  },
  'spool-read': {
    text: 'Cannot read the spool file: {problem}',
    means: 'The disk that holds the download fails.',
    fix: 'Look at the log of the kernel, and take a `--spool` elsewhere.',
  },
} as const satisfies Catalogue
