// Messages: options about clients - addresses, names, TLS - and about memory.

import type { Catalogue } from '../../shared/message.js'

export const SERVING_MESSAGES = {
  'ring-too-small': {
    text: "Cannot use '{size}' for --ring-size: it must hold {blocks} blocks of {blockSize}, which is {least}",
    means: 'A ring that small could not serve a few reads at a time.',
    fix: 'Raise `--ring-size` or lower `--block-size`.',
  },
  'ring-memory': {
    text: "Cannot use '{size}' for --ring-size: this machine can't set that much memory aside",
    means: 'The memory of the ring is set aside at the start, and there is none left of that size.',
    fix: 'Lower `--ring-size`, or the limit of the container is too low.',
  },
  'readahead-ring': {
    text: "Cannot use '{size}' for --readahead: the ring holds {ringSize}, raise --ring-size",
    means: 'What is fetched ahead lies in the ring.',
    fix: '',
  },
  'socket-path-long': {
    text: "Cannot use '{path}' for --unix: it has {bytes} bytes, a socket's path at most {most}",
    means: "The limit is the system's.",
    fix: 'Take a shorter directory, or a relative path.',
  },
  'export-name-long': {
    text: 'Cannot use the --export-name: it has {bytes} bytes, NBD allows {most}',
    means: 'The limit is that of the protocol.',
    fix: '',
  },
  'export-name-nul': {
    text: 'Cannot use the --export-name: it has a NUL character',
    means: 'The protocol allows none.',
    fix: '',
  },
  'export-name-half': {
    text: 'Cannot use the --export-name: it has half of a character',
    means:
      'A name is UTF-8, which half of a surrogate pair, as `\\ud800` in JSON, can not be put in.',
    fix: '',
  },
  'socket-file-flag': {
    text: 'Cannot use {flag} without --unix PATH',
    means: 'The option is about the file of a socket, and there is none, or a private one.',
    fix: '',
  },
  'status-token-alone': {
    text: 'Cannot use --status-token-file without --status HOST:PORT',
    means: 'There is a token for a status server, and none is to run.',
    fix: '',
  },
  'status-token': {
    text: 'Cannot use the status token: expected printable ASCII without spaces',
    means: 'The token is to be sent as one word of an Authorization header.',
    fix: '`openssl rand -hex 32` makes a good one.',
  },
  'status-address': {
    text: "Cannot use '{address}' for --status: expected HOST:PORT, [ADDRESS]:PORT or PORT",
    means: 'A port alone is one of the loopback.',
    fix: '',
  },
  'tls-off': {
    text: 'Cannot use {flag}: TLS is off, add --tls=on or --tls=require',
    means: 'Certificates or keys are given, but clients would not be offered TLS.',
    fix: '',
  },
  'tls-no-identity': {
    text: 'Cannot use --tls={mode}: it needs --tls-certificates or --tls-psk to identify the server by',
    means: 'A TLS server shows a certificate or knows a key.',
    fix: '',
  },
  'tls-no-ca': {
    text: 'Cannot use --tls-verify-peer: there is no ca-cert.pem in --tls-certificates to verify clients by',
    means: "Clients' certificates are checked against that CA.",
    fix: 'Put the CA that signed them into the directory as ca-cert.pem.',
  },
  'tls-certificates': {
    text: 'Cannot use the --tls-certificates: {problem}',
    means: 'Certificate and key are no PEM, or do not belong together; OpenSSL says which.',
    fix: '`openssl x509 -in server-cert.pem -noout -text` shows what the file holds.',
  },
  'tls-keys-line': {
    text: "Cannot use the TLS keys '{path}': line {line} is not of the form user:hex",
    means: 'The file of `--tls-psk` has one key a line.',
    fix: 'Make it by `psktool -u USER -p FILE`.',
  },
  'tls-key-form': {
    text: "Cannot use the --tls-psk: the key of '{user}' is not hex of {least} to {most} bytes",
    means: 'A key is written in hexadecimal digits, two a byte.',
    fix: 'Make it by `psktool -u USER -p FILE`.',
  },
  'tls-no-key': {
    text: 'Cannot use the --tls-psk: it has no key',
    means: 'The file of keys is empty.',
    fix: 'Make it by `psktool -u USER -p FILE`.',
  },
} as const satisfies Catalogue
