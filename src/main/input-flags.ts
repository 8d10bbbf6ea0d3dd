// Flags whose values are not what they stand for but where to find it: files, descriptors, a terminal.
// What is found there becomes options in read-inputs.ts.

import type { ServerOptions } from './options.js'

/** Values by option key; absent where a flag was not given. */
export interface InputFlags {
  /** `PASSWORD`, `+FILE`, `-FD`, or `-` to ask on the terminal: nbdkit's notation. So is `cookie`. */
  readonly password?: string
  /** First line of a file, or of standard input for `-`. So are the other `…File` with secrets. */
  readonly passwordFile?: string
  readonly bearerTokenFile?: string
  readonly cookie?: string
  readonly cookieFile?: string
  readonly cookieJar?: string
  readonly cacert?: string
  readonly capath?: string
  readonly cert?: string
  readonly key?: string
  readonly keyPassphraseFile?: string
  readonly proxyPassword?: string
  readonly proxyPasswordFile?: string
  readonly proxyCacert?: string
}

const KEYS: ReadonlySet<string> = new Set<keyof InputFlags>([
  'password',
  'passwordFile',
  'bearerTokenFile',
  'cookie',
  'cookieFile',
  'cookieJar',
  'cacert',
  'capath',
  'cert',
  'key',
  'keyPassphraseFile',
  'proxyPassword',
  'proxyPasswordFile',
  'proxyCacert',
])

/** Parts the flags of values to be read from the rest. */
export function takeInputs<Values extends InputFlags>(
  values: Values,
): { inputs: InputFlags; rest: Omit<Values, keyof InputFlags> } {
  const entries = Object.entries(values)
  return {
    inputs: Object.fromEntries(entries.filter(([key]) => KEYS.has(key))),
    rest: Object.fromEntries(entries.filter(([key]) => !KEYS.has(key))) as never,
  }
}

/** Stand-ins for what is still to be read, so that all else can be checked before. */
export function placeholders(inputs: InputFlags): Partial<ServerOptions> {
  const given = (...keys: readonly (keyof InputFlags)[]): boolean =>
    keys.some(key => inputs[key] !== undefined)
  return {
    ...(given('password', 'passwordFile') && { password: '' }),
    ...(given('bearerTokenFile') && { bearerToken: 'placeholder' }),
    ...(given('cookie') && { cookie: '' }),
    ...(given('proxyPassword', 'proxyPasswordFile') && { proxyPassword: '' }),
  }
}
