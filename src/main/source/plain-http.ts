// Finds out soon that an https URL names a server of plain HTTP. Most such servers answer a TLS
// handshake with an error, but some wait for the end of a request that never comes, and then a start
// would take as long as connecting may.

import { connect } from 'node:net'
import { failureOf } from '../../shared/failures.js'
import { NO_TIMINGS, type ProbeResult, type ProbeTask } from '../../shared/fetch-task.js'
import type { Network } from '../../shared/transport.js'
import type { Prober } from './probe.js'

/** How long a server may be silent before it is asked in the clear, milliseconds. */
const PATIENCE_MS = 2_000
/** How long its answer to that may take, milliseconds. */
const ANSWER_MS = 5_000
/** A server of TLS may answer in the clear, too: that it was asked wrongly, or is to be asked by https. */
const PLAIN_ANSWER = /^HTTP\/1\.[01] (?!3|400|426)\d/
/** Says nothing about what is wanted of the server, nor who asks. */
const QUESTION = 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'

/** True if the host of a URL is where its connections lead: no one else is asked in the clear. */
export function isDirect({ proxies, resolve, unixSocketPath }: Network): boolean {
  return proxies?.https === undefined && resolve === undefined && unixSocketPath === undefined
}

/** Hands probes on, and ends those of an https server that turns out to speak plain HTTP. */
export class PlainHttpWatch implements Prober {
  readonly #prober: Prober
  readonly #patienceMs: number

  constructor(prober: Prober, patienceMs: number = PATIENCE_MS) {
    this.#prober = prober
    this.#patienceMs = patienceMs
  }

  async probe(task: ProbeTask): Promise<ProbeResult> {
    const url = new URL(task.url)
    const probing = this.#prober.probe(task)
    if (url.protocol !== 'https:') return await probing
    const over = new AbortController()
    try {
      return await Promise.race([probing, this.#ask(url, over.signal)])
    } finally {
      over.abort()
    }
  }

  /** Stays pending where the server does not answer in the clear. */
  #ask(url: URL, over: AbortSignal): Promise<ProbeResult> {
    return new Promise(resolve => {
      const timer = setTimeout(() => {
        const host = url.hostname.replace(/^\[|\]$/g, '')
        const socket = connect({ host, port: Number(url.port || 443), timeout: ANSWER_MS })
        socket.on('error', () => {})
        socket.on('timeout', () => socket.destroy())
        socket.once('connect', () => socket.write(QUESTION))
        socket.once('data', data => {
          socket.destroy()
          if (PLAIN_ANSWER.test(data.toString('latin1', 0, 12))) resolve(PLAIN)
        })
        over.addEventListener('abort', () => socket.destroy(), { once: true })
      }, this.#patienceMs)
      over.addEventListener('abort', () => clearTimeout(timer), { once: true })
    })
  }
}

const PLAIN: ProbeResult = {
  ok: false,
  failure: failureOf('tls', 'plain-http'),
  timings: NO_TIMINGS,
}
