// Messages: what the log warns of while all goes on, and what has ended a source for good.

import type { Catalogue } from '../../shared/message.js'

export const WARNING_MESSAGES = {
  'served-source-changed': {
    text: 'the source has changed, no more of it is served: {failure}',
    means: 'The image is not the one that was opened: all further reads of it fail with EIO.',
    fix: 'Stop what writes the image (power the machine off, take a snapshot) and start the copy again.',
  },
  'request-given-up': {
    text: 'request given up: {failure}',
    means:
      'A request that a read waits for failed for good, or too often. Its reads fail with EIO.',
    fix: 'The failure says which side it was. `--retries` and `--retry-time` allow more attempts.',
  },
  'requests-given-up': {
    text: '{count} requests were given up in all',
    means: 'How many there were behind the first that was told.',
    fix: '',
  },
  'request-repeated': {
    text: 'request failed, again in {delay} ms: {failure}',
    means: 'A request is sent again from the byte it had come to; nobody but the clock notices.',
    fix: 'Once in a while nothing. Where it goes on, the failure says which side to look at.',
  },
  'requests-repeated': {
    text: '{count} requests were repeated in all',
    means: 'How many there were behind the first that was told.',
    fix: '',
  },
  'renewal-failed': {
    text: '{failure}',
    means:
      'A login, a script or a redirect could not be had anew. Requests that need it fail until it can.',
    fix: 'Look at user and password, or at the script: see [sessions](sessions.md).',
  },
  'read-failed': {
    text: 'read failed: {failure}',
    means:
      'A client got EIO for a read: the first of its connection is told, the others with `-v`.',
    fix: 'Look up the failure, whose code is in the line.',
  },
  'accept-failed': {
    text: 'Cannot accept a client: {problem}',
    means: 'A client wanted to connect, and this machine has no files or memory left for it.',
    fix: 'Raise `ulimit -n` (`LimitNOFILE=` in a unit), or let fewer connect by `--max-clients`.',
  },
  'client-turned-away': {
    text: 'client turned away: --max-clients allows {maxClients}',
    means: 'One more client wanted to connect. Those that are connected go on.',
    fix: 'Raise `--max-clients`, or look for clients that do not leave: the status page lists them.',
  },
  'clients-turned-away': {
    text: '{count} clients were turned away in all',
    means: 'How many there were behind the first that was told.',
    fix: '',
  },
  'compressed-image': {
    text: '{name} is {format} data and is served as it is, not as the disk inside: decompress the file ({unpack}) where it lies{filter}',
    means: 'A client would see the compressed file as the disk, which is seldom what is meant.',
    fix: 'Filters of nbdkit decompress gzip and xz on the way.',
  },
  'snapshot-base': {
    text: '{name} is the base of the snapshot that was asked for: what was written since the snapshot is not in it',
    means:
      "What is written after a snapshot goes to a file that is no disk by itself. The base is served in its place: the disk as it was at the machine's first snapshot.",
    fix: 'Consolidate the snapshots first, unless the state of that time is what is wanted.',
  },
  'download-repeated': {
    text: 'the download broke off at {at}, from the start in {delay} ms: {failure}',
    means:
      'With `--spool`: the server answers no ranges, so what is there already comes once more.',
    fix: '',
  },
  'download-length-unknown': {
    text: '{name} has no known length: clients can connect once all of it is here',
    means: 'With `--spool`: the server does not say how long the image is.',
    fix: 'Wait, or have the server send Content-Length.',
  },
  'download-given-up': {
    text: 'the download was given up at {at}: {failure}',
    means: 'With `--spool`: reads behind that byte fail with EIO.',
    fix: 'The failure says which side it was; then start again.',
  },
  'worker-failed': {
    text: 'worker thread: {problem}',
    means: 'A thread of this program ended by an error. It is replaced.',
    fix: 'If it happens again, memory is short: a smaller `--ring-size`, fewer `--workers`.',
  },
  'worker-replaced': {
    text: 'a worker thread ended with code {exitCode} and is replaced',
    means: 'Its requests are sent again from where they stopped.',
    fix: 'As for `worker-failed`.',
  },
  'secret-readable': {
    text: '{name} can be read by others: chmod 600 helps',
    means: 'A file that holds a secret is open to other users of this machine.',
    fix: '',
  },
  'service-manager': {
    text: 'Cannot tell the service manager: systemd-notify: {problem}',
    means:
      'The unit says `Type=notify`: systemd waits for a word that the start is over, and can not be told.',
    fix: 'Install systemd-notify (Debian: systemd), or take `Type=exec` in place of `Type=notify`.',
  },
  'status-open': {
    text: 'anybody who reaches {url} can read it: use --status-token-file',
    means: 'The status server listens beyond this machine and asks nobody for a token.',
    fix: '`openssl rand -hex 32` makes a token; or listen on the loopback, behind `ssh -L`.',
  },
  'status-accept-failed': {
    text: 'status: Cannot accept a client: {problem}',
    means: 'As for `accept-failed`, of the status server.',
    fix: 'As for `accept-failed`.',
  },
  'status-failed': {
    text: 'status: {problem}',
    means: 'A page or figure of the status could not be told. The copy goes on.',
    fix: 'It is a defect of this program: report it.',
  },
} as const satisfies Catalogue
