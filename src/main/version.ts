// The version of this package, as package.json states it.

import { readFileSync } from 'node:fs'

const manifest = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string }

/** For example '1.2.3'. */
export const VERSION: string = manifest.version

/** Sent to origins as `User-Agent`. */
export const USER_AGENT = `nbd-prefetch/${VERSION}`
