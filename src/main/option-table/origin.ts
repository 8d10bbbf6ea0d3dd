// Options: what the HTTP server is asked and told, login aside.

import { DEFAULTS } from '../defaults.js'
import type { OptionEntry } from './entry.js'

export const ORIGIN = [
  {
    key: 'headers',
    long: '--header',
    value: "'Name: value'",
    group: 'Origin',
    kind: 'list',
    help: "Send this request header; repeatable, 'Name;' sends it empty, 'User-Agent:' leaves it out. Never sent to another host after a redirect",
    nbdkit: 'header=',
  },
  {
    key: 'userAgent',
    long: '--user-agent',
    value: 'TEXT',
    group: 'Origin',
    kind: 'text',
    default: 'nbd-prefetch/VERSION',
    help: "Call us this, at every host; '' sends no such header",
    nbdkit: 'user-agent=',
  },
  {
    key: 'httpVersion',
    long: '--http-version',
    value: '1.1|2',
    group: 'Origin',
    kind: 'text',
    default: '1.1',
    help: 'HTTP/2 with https servers that offer it, one request at a time on each connection; seldom quicker',
    nbdkit: 'http-version=',
  },
  {
    key: 'maxRedirects',
    long: '--max-redirects',
    value: 'N',
    group: 'Origin',
    kind: 'integer',
    default: String(DEFAULTS.maxRedirects),
    min: 0,
    max: 100,
    help: 'Redirects followed at the start; 0 follows none',
    nbdkit: 'followlocation=false',
  },
  {
    key: 'protocols',
    long: '--protocols',
    value: 'LIST',
    group: 'Origin',
    kind: 'text',
    default: 'http,https',
    help: 'Protocols that URL and redirects may use; from https none ever leads to http',
    nbdkit: 'protocols=',
  },
] as const satisfies readonly OptionEntry[]
