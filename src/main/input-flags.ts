// Flags whose values are not what they stand for but where to find it: files, descriptors, a terminal.
// What is found there becomes options in read-inputs.ts.

import type { ServerOptions } from './options.js'

/** Values by option key; absent where a flag was not given. */
export interface InputFlags {
  /** `PASSWORD`, `+FILE`, `-FD`, or `-` to ask on the terminal: nbdkit's notation. So are `bearerToken`,
   * `cookie` and `proxyPassword`. */
  readonly password?: string
  /** First line of a file, or of standard input for `-`. So are the other `…File` with secrets. */
  readonly passwordFile?: string
  readonly bearerToken?: string
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
  /** Directory of the server's own certificate. */
  readonly tlsCertificates?: string
  /** File of pre-shared keys. */
  readonly tlsPsk?: string
}

const KEYS: ReadonlySet<string> = new Set<keyof InputFlags>([
  'password',
  'passwordFile',
  'bearerToken',
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
  'tlsCertificates',
  'tlsPsk',
])

/** Options that such flags come to. */
export type ReadOptions = Omit<ServerOptions, 'url' | 'exports'>

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
export function placeholders(inputs: InputFlags): ReadOptions {
  const given = (...keys: readonly (keyof InputFlags)[]): boolean =>
    keys.some(key => inputs[key] !== undefined)
  return {
    ...(given('password', 'passwordFile') && { password: '' }),
    ...(given('bearerToken', 'bearerTokenFile') && { bearerToken: 'placeholder' }),
    ...(given('cookie') && { cookie: '' }),
    ...(given('proxyPassword', 'proxyPasswordFile') && { proxyPassword: '' }),
    ...(given('tlsCertificates', 'tlsPsk') && { tls: 'off' as const, tlsVerifyPeer: false }),
  }
}
