// The two parts of undici that are used here. Its index loads everything else as well (fetch, caches,
// WebSocket, mocks), which costs each thread more processor time than the rest of its start.

import { createRequire } from 'node:module'
import type * as undici from 'undici'

type Parts = Pick<typeof undici, 'Client' | 'buildConnector'>

/** undici's connections, without the rest of it. */
export const http = load(createRequire(import.meta.url))

/**
 * Takes the parts from their files; these are not undici's public interface, so that whatever of
 * it looks different from what is known here means the index.
 */
function load(require: NodeJS.Require): Parts {
  try {
    const Client: unknown = require('undici/lib/dispatcher/client.js')
    const buildConnector: unknown = require('undici/lib/core/connect.js')
    if (typeof Client === 'function' && typeof buildConnector === 'function') {
      return { Client, buildConnector } as Parts
    }
  } catch {
    // Moved or closed off by a newer version.
  }
  return require('undici') as Parts
}
