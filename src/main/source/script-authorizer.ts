// Headers and cookies from scripts of the user's: --cookie-script and --header-script, run again when their time is
// over or the server does not take what they gave.

import { failureOf } from '../../shared/failures.js'
import type { Authorization, Authorizer, GivenHeaders, RenewalReason } from './authorizer.js'
import { cookieOfOutput, headersOfOutput } from './script-output.js'
import { ShellScript } from './shell-script.js'

/** Shorter words, such as 'Bearer', are no secret. */
const SHORTEST_HEADER = 8

/** One script as the user gave it. */
export interface ScriptOption {
  readonly script: string
  /** Age at which what it gave is renewed, milliseconds; infinite for never. */
  readonly renewMs: number
}

export interface ScriptAuthorizerParts {
  readonly cookie?: ScriptOption | undefined
  readonly header?: ScriptOption | undefined
  /** The image's URL: `$url` in the scripts. */
  readonly url: string
  readonly clock: () => number
  /** Makes what is told of the values that must not be shown from now on, at each run of one script. */
  readonly renewedSecrets: () => (secrets: readonly string[]) => void
}

interface Source {
  /** The flag, for messages. */
  readonly flag: string
  readonly script: ShellScript
  readonly renewMs: number
  readonly read: (output: string) => GivenHeaders
  readonly hide: (secrets: readonly string[]) => void
  headers: GivenHeaders
  atMs: number
}

/** Asks up to two scripts. */
export class ScriptAuthorizer implements Authorizer {
  readonly task = 'Cannot obtain request headers'
  readonly #sources: Source[] = []
  readonly #parts: ScriptAuthorizerParts

  constructor(parts: ScriptAuthorizerParts) {
    this.#parts = parts
    const add = (
      flag: string,
      option: ScriptOption | undefined,
      read: (text: string) => GivenHeaders,
    ) => {
      if (option === undefined) return
      const { script, renewMs } = option
      const atMs = Number.POSITIVE_INFINITY
      this.#sources.push({
        flag,
        script: new ShellScript(script),
        renewMs,
        read,
        hide: parts.renewedSecrets(),
        headers: {},
        atMs,
      })
    }
    add('--header-script', parts.header, headersOfOutput)
    add('--cookie-script', parts.cookie, text => ({ cookie: cookieOfOutput(text) }))
  }

  isDue(nowMs: number): boolean {
    return this.#sources.some(source => nowMs - source.atMs >= source.renewMs)
  }

  async renew(reason: RenewalReason): Promise<Authorization> {
    const { url, clock } = this.#parts
    const nowMs = clock()
    for (const source of this.#sources) {
      if (reason === 'clock' && nowMs - source.atMs < source.renewMs) continue
      try {
        source.headers = source.read(await source.script.run({ url }))
      } catch (error) {
        const told = { flag: source.flag, problem: (error as Error).message }
        return { ok: false, failure: failureOf('session', 'script', told) }
      }
      source.atMs = clock()
      source.hide(secretsIn(source.headers))
    }
    const headers = Object.assign({}, ...this.#sources.map(source => source.headers))
    return { ok: true, headers }
  }

  async end(): Promise<void> {
    for (const { script } of this.#sources) script.kill()
  }
}

/** The values, and the parts of 'Bearer token' and 'name=value; name=value'. */
function secretsIn(headers: GivenHeaders): string[] {
  return Object.values(headers).flatMap((value = '') => {
    const [words, values]: [string[], string[]] = [[value], []]
    for (const part of value.split(/[\s;]+/)) {
      const equals = part.indexOf('=')
      if (equals < 1) words.push(part)
      else values.push(part.slice(equals + 1))
    }
    return [...words.filter(word => word.length >= SHORTEST_HEADER), ...values]
  })
}
