// Connecting to a host that has several addresses. Node tries them one after the other and gives all but the last a
// quarter of a second: a server further away than that could not be reached where another of its addresses leads nowhere.

import { getDefaultAutoSelectFamilyAttemptTimeout } from 'node:net'
import type { buildConnector } from 'undici'

/** How much longer an address is given with each round. */
const GROWTH = 4

/**
 * Makes connections in rounds over all addresses, each with more time for an address, as long as one was given up for want of
 * it. Returns the socket of the first round, as undici's connectors do.
 *
 * @param connectorFor makes a connector that gives an address so many milliseconds while others are left
 * @param limitMs no round begins later than that, milliseconds
 */
export function patientConnector(
  connectorFor: (addressMs: number) => buildConnector.connector,
  limitMs: number,
): buildConnector.connector {
  let addressMs = getDefaultAutoSelectFamilyAttemptTimeout()
  let connect = connectorFor(addressMs)
  return (options, callback) => {
    const startedMs = performance.now()
    const round = (): unknown => {
      const givenMs = addressMs
      return connect(options, (...result) => {
        if (!wasHurried(result[0]) || performance.now() - startedMs >= limitMs) {
          callback(...result)
          return
        }
        // For the connections to come as well: the way does not get shorter.
        if (givenMs === addressMs) {
          addressMs *= GROWTH
          connect = connectorFor(addressMs)
        }
        round()
      })
    }
    // Declared to be nothing.
    return round() as undefined
  }
}

/** True if an address might have answered later. */
function wasHurried(error: Error | null): boolean {
  return error instanceof AggregateError && error.errors.some(({ code }) => code === 'ETIMEDOUT')
}
