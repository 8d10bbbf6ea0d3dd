// Options: how the HTTP server is reached and what it is told.

import type { OptionEntry } from './entry.js'

export const ORIGIN = [
  {
    key: 'user',
    long: '--user',
    value: 'NAME',
    group: 'Origin',
    kind: 'text',
    help: 'User name at the HTTP server; https://user:password@host/ works too',
    nbdkit: 'user=',
  },
  {
    key: 'passwordFile',
    long: '--password-file',
    value: 'FILE',
    group: 'Origin',
    kind: 'text',
    help: "Password: the first line of FILE, or of standard input for '-'",
    nbdkit: 'password=+FILE',
  },
  {
    key: 'cookie',
    long: '--cookie',
    value: 'COOKIE',
    group: 'Origin',
    kind: 'text',
    help: "Send this Cookie header, as 'name=value; name=value'",
    nbdkit: 'cookie=',
  },
  {
    key: 'headers',
    long: '--header',
    value: "'Name: value'",
    group: 'Origin',
    kind: 'list',
    help: 'Send this request header; repeatable. Never sent to another host after a redirect',
    nbdkit: 'header=',
  },
  {
    key: 'cacert',
    long: '--cacert',
    value: 'FILE',
    group: 'Origin',
    kind: 'text',
    help: "Trust the PEM certificates in FILE besides the system's",
    nbdkit: 'cainfo=',
  },
  {
    key: 'insecure',
    long: '--insecure',
    group: 'Origin',
    kind: 'switch',
    help: 'Accept any server certificate',
    nbdkit: 'sslverify=false',
  },
] as const satisfies readonly OptionEntry[]
