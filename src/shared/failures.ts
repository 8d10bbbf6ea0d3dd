// Every text of a failed fetch, by code: what it means and what to try. A Failure is made here alone,
// so that docs/errors.md, which is made from this, has all of them.

import type { Failure, FailureCode } from './failure.js'
import { type FillingArguments, fill } from './message.js'
import { quoted } from './quotation.js'

/** What failures of one code say. */
interface FailureEntry {
  /** The sentences of it. */
  readonly texts: Readonly<Record<string, string>>
  /** Where to look first. */
  readonly side: string
  readonly means: string
  readonly fix: string
}

export const FAILURES = {
  connect: {
    side: 'network',
    texts: {
      failed: 'Cannot connect: {problem}',
      'to-proxy': 'Cannot connect to the proxy: {problem}',
      'by-proxy': 'Cannot use the proxy: {problem}',
    },
    means:
      'No connection to the server or the proxy came about: name, address, port or way are wrong, or it is down.',
    fix: 'Try `curl -v URL` on the same machine; look at `--proxy`, `--noproxy`, `--resolve` and the variables http_proxy and https_proxy.',
  },
  proxy: {
    side: 'proxy',
    texts: { answer: 'the proxy answers {answer}' },
    means: 'The proxy refuses to pass the request on.',
    fix: '407 asks for `--proxy-user` and `--proxy-password-file`, 403 means that it allows the server or port to nobody or not to us; `--noproxy` goes round it.',
  },
  tls: {
    side: 'server, or what we trust',
    texts: {
      failed: 'Cannot set up TLS: {problem}',
      'with-proxy': 'Cannot set up TLS with the proxy: {problem}',
      'plain-http': 'Cannot set up TLS: the server speaks plain HTTP; is http:// meant?',
    },
    means:
      "The handshake or the check of the server's certificate failed. In mid-copy it is tried again, unless it is for a certificate.",
    fix: '`--cacert` for a CA of your own, `--tls-min` and `--ciphers` for an old server, `--cert` for one that wants to see a certificate; `openssl s_client -connect HOST:443` shows what it offers.',
  },
  'connect-timeout': {
    side: 'network',
    texts: {
      failed: 'Cannot connect: no connection within the limit',
      'to-proxy': 'Cannot connect to the proxy: no connection within the limit',
    },
    means: 'Nothing answers at that address, or a firewall drops what is sent there.',
    fix: 'Look at address and firewall; raise `--connect-timeout` on a very slow line.',
  },
  'first-byte-timeout': {
    side: 'server',
    texts: {
      'no-answer': 'no answer within the limit',
      'interim-only': 'no final answer within the limit',
    },
    means: 'The server took the request and said nothing. The limit doubles with each attempt.',
    fix: 'A server under load may think for minutes: fewer `--connections`, a larger `--first-byte-timeout`.',
  },
  'body-timeout': {
    side: 'network',
    texts: {
      stopped: 'the body stopped arriving',
      slow: 'the body comes too slowly to be waited for',
    },
    means: 'An answer stood still in its middle. It is resumed where it stopped.',
    fix: 'Where it happens often, look at the line and at proxies; raise `--body-timeout`.',
  },
  reset: {
    side: 'network',
    texts: {
      closed: 'connection closed by the server',
      broken: '{problem}',
    },
    means: 'The connection broke. Requests are repeated from the byte they had come to.',
    fix: 'Many of them: fewer `--connections`, or something between us and the server ends connections.',
  },
  'short-body': {
    side: 'server',
    texts: {
      announced: 'the body ended before its announced length',
      within: 'the body ended before it was whole',
      missing: 'the body ended {missing} bytes before its end',
    },
    means: 'The server or a proxy ended an answer early. It is resumed where it stopped.',
    fix: 'As for `reset`.',
  },
  protocol: {
    side: 'server',
    texts: {
      'header-large': 'the header of the answer is too large',
      'not-http': 'the answer is not valid HTTP',
      other: 'the answer is not HTTP',
      parser: '{problem}',
      sent: 'the server sent a {problem}',
      continue: 'the server sent 100 Continue, which was not asked for',
      'body-long': 'the body is longer than announced',
    },
    means: 'What came is no HTTP, or its framing is broken.',
    fix: 'Is it the right port, and http or https the right scheme? `curl -v URL` shows the bytes.',
  },
  status: {
    side: 'server',
    texts: {
      answer: '{answer}',
      'no-time': '{answer}; the server asks to wait {asked} s, which --retry-time forbids',
      'long-pause': '{answer}; the server asks to wait {asked} s, of which {most} s are waited',
      'no-address': '{answer}: a redirect without Location, the address it leads to',
      'no-cookie': '{answer} without a session cookie ({cookie})',
    },
    means:
      'The server answers with an error, in its own words. 429 and 503 are repeated with fewer requests; 408, 425 and 500 to 599 but for 501, 505 and 511 as well.',
    fix: '401 and 403: who are we, see `--user` and `--session`. 404: the path, or a signed URL that is out of date. 503 that stays: fewer `--connections`.',
  },
  redirect: {
    side: 'server',
    texts: { answer: '{answer}' },
    means:
      'A request is sent elsewhere although redirects were followed at the start: the file has moved, or a login has lapsed.',
    fix: 'Start again; with a login that lapses, let it be renewed: `--session`, `--cookie-script`.',
  },
  'range-ignored': {
    side: 'server',
    texts: {
      whole: '{answer} with the whole file, not a range',
      page: '{answer} with a web page, not a range',
    },
    means:
      'The server sends the whole file where a part was asked for. Such bytes are never served.',
    fix: '`--spool DIRECTORY` downloads the file once; or go round the cache or gateway that drops the header Range.',
  },
  'wrong-range': {
    side: 'server',
    texts: {
      other: 'the answer holds {range} where {asked} were asked',
      'no-total': 'the answer does not name the total size of the file',
      multipart: 'the answer is multipart/byteranges, where one range was asked',
      length: 'the body is to have {announced} bytes where {asked} were asked',
      'no-content-range': 'the answer lacks Content-Range',
      'bad-content-range': 'the answer has an unusable Content-Range: {value}',
      'body-long': 'the body is longer than the range asked for',
      'no-validator': 'the answer lacks the ETag or Last-Modified that the file had',
      'part-for-whole': 'a part was sent where the whole file was asked',
    },
    means:
      'The server sends a part, but not the one that was asked for. Such bytes are never served.',
    fix: 'It is a fault of the server or of a cache before it: go round that, or `--spool DIRECTORY`.',
  },
  encoded: {
    side: 'server',
    texts: { coding: 'the body is encoded: {coding}' },
    means:
      'The server compresses the answer although asked not to: its bytes are not those of the file.',
    fix: 'Switch compression off for this file at the server or the gateway before it.',
  },
  'source-changed': {
    side: 'server',
    texts: {
      etag: 'the ETag is another one now: {found}, it was {pinned}',
      'etag-answer': '{answer}: the ETag is another one now',
      date: 'Last-Modified is another date now: {found}, it was {pinned}',
      size: 'the file has {found} bytes now, it had {expected}',
      'no-length': 'the answer does not tell its length any more',
      'no-validator': 'the answer has no ETag or Last-Modified any more',
      shorter: 'the file is shorter than it was',
      'other-start': 'the file begins with other bytes than it did',
    },
    means:
      'The file is not the one that was opened. Two versions are never mixed: all further reads fail.',
    fix: 'Stop what writes the image (power the machine off, take a snapshot) and start again. Several servers behind one name that disagree look the same.',
  },
  session: {
    side: 'login',
    texts: {
      failed: '{task}: {failure}',
      refused: '{task}: {failure}; the user name or password is not accepted',
      source: '{failure}',
      script: '{flag}: the script failed: {problem}',
    },
    means:
      'What gives credentials - a login, a `--cookie-script`, a `--header-script` - failed, at the start or in the middle.',
    fix: 'Look at user and password, or run the script by hand: it is told $url and $iteration, has two minutes, and what it writes to standard error is shown.',
  },
  spool: {
    side: 'this machine',
    texts: {
      'no-end': 'the answer tells neither its length nor, in chunks, where it ends',
      large:
        'the file has {bytes} bytes, --spool-limit and the free space of --spool allow {limit}',
      'large-at-last':
        'the file, whose length the server does not tell, has more than the {limit} bytes that --spool-limit and the free space of --spool allow',
      write: 'Cannot write the spool file: {problem}',
      read: '{problem}',
    },
    means: 'The image cannot be downloaded as a whole, or not be kept.',
    fix: 'Name a `--spool` directory with more room, or raise `--spool-limit`.',
  },
  cancelled: {
    side: 'nbd-prefetch',
    texts: {
      'given-up': 'the request was given up',
      unwanted: '{task}: {failure}, and nobody waits for it any more',
      enough: 'the rest of the answer is not needed',
      start: 'the start was given up',
      'shutting-down': 'the server is shutting down',
    },
    means: 'This program let go of the request itself, mostly since it ends.',
    fix: '',
  },
  'worker-died': {
    side: 'this machine',
    texts: {
      ended: 'worker thread ended: {problem}',
      'not-started': 'no worker thread can be started: {problem}',
      'end-at-start': 'worker threads end while they start, the last one with code {code}',
    },
    means:
      'A thread of this program ended, mostly for want of memory. It is replaced and its requests are sent again.',
    fix: 'Give the process more memory, or take a smaller `--ring-size` and fewer `--workers`.',
  },
  internal: {
    side: 'nbd-prefetch',
    texts: {
      defect: '{problem}{place}',
      send: 'Cannot send the request: {problem}',
      'no-answer': 'Cannot {verb}: no answer was read',
      early: 'the span ended without all its bytes',
      read: '{problem}',
    },
    means: 'A defect of this program, which it noticed. The read fails; no wrong byte was served.',
    fix: 'Report it with the lines of `-v` before it.',
  },
} as const satisfies Readonly<Record<FailureCode, FailureEntry>>

type Texts<Code extends FailureCode> = (typeof FAILURES)[Code]['texts']
type TextOf<Code extends FailureCode, Key> = Key extends keyof Texts<Code>
  ? Extract<Texts<Code>[Key], string>
  : never

/** What is known of a failure besides. */
export type FailureDetails = Omit<Failure, 'code' | 'message'>

/** A failure in the words of the catalogue. What a server says goes in `quoted()`. */
export function failureOf<Code extends FailureCode, Key extends keyof Texts<Code> & string>(
  code: Code,
  key: Key,
  ...[filling, details]: FillingArguments<TextOf<Code, Key>, FailureDetails>
): Failure {
  const texts: Readonly<Record<string, string>> = FAILURES[code].texts
  return { code, message: fill(texts[key] as string, filling ?? {}), ...details }
}

/**
 * The source has another validator than the one it was opened with. Both are told: whoever looks for the cause
 * compares them with what servers and caches say.
 */
export function validatorChanged(
  key: 'etag' | 'date',
  found: string,
  pinned: string,
  details: FailureDetails = {},
): Failure {
  const values = { found: quoted(found), pinned: quoted(pinned) }
  return failureOf('source-changed', key, values, details)
}

/** What is told of a request that was given up: to clients in replies, to operators in the log. */
export const GIVEN_UP_TEXT = 'GET {name}: {failure} ({attempts})'

/** A failure as it is told when its request is given up. */
export function givenUp(failure: Failure, name: string, attempts: number): Failure {
  const told = {
    name,
    failure: failure.message,
    attempts: `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`,
  }
  return { ...failure, message: fill(GIVEN_UP_TEXT, told) }
}
