// Options: encryption between NBD clients and the server.

import type { OptionEntry } from './entry.js'

export const CLIENT_TLS = [
  {
    key: 'tls',
    long: '--tls',
    value: 'off|on|require',
    group: 'TLS with clients',
    kind: 'choice',
    default: 'off',
    choices: ['off', 'on', 'require'],
    help: 'Encryption between clients and this server: not offered, left to clients, or nothing without it',
    nbdkit: '--tls=',
  },
  {
    key: 'tlsCertificates',
    long: '--tls-certificates',
    value: 'DIR',
    group: 'TLS with clients',
    kind: 'text',
    help: "Directory of server-cert.pem and server-key.pem, and ca-cert.pem for clients' certificates",
    nbdkit: '--tls-certificates=',
  },
  {
    key: 'tlsVerifyPeer',
    long: '--tls-verify-peer',
    group: 'TLS with clients',
    kind: 'switch',
    help: 'Let in only clients that show a certificate which ca-cert.pem has signed, or know a key',
    nbdkit: '--tls-verify-peer',
  },
  {
    key: 'tlsPsk',
    long: '--tls-psk',
    value: 'FILE',
    group: 'TLS with clients',
    kind: 'text',
    help: "Let in clients that know a key of FILE, lines of 'user:hex' as psktool writes them",
    nbdkit: '--tls-psk=',
  },
] as const satisfies readonly OptionEntry[]
