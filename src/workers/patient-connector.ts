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
 * @param limitMs for how long an address is waited for while others are left, in all rounds, milliseconds
 */
export function patientConnector(
  connectorFor: (addressMs: number) => buildConnector.connector,
  limitMs: number,
): buildConnector.connector {
  const shortest = getDefaultAutoSelectFamilyAttemptTimeout()
  /** The first round of connections to come. */
  let first = { addressMs: shortest, connect: connectorFor(shortest) }
  return (options, callback) => {
    const startedMs = performance.now()
    const round = ({ addressMs, connect }: typeof first, late: readonly unknown[]): unknown =>
      connect(options, (...result) => {
        const [error, socket] = result
        const hurried = hurriedAddresses(error)
        const leftMs = Math.floor(limitMs - (performance.now() - startedMs))
        const nextMs = Math.min(addressMs * GROWTH, leftMs)
        if (hurried.length > 0 && nextMs > addressMs) {
          round({ addressMs: nextMs, connect: connectorFor(nextMs) }, hurried)
          return
        }
        // Where time was what it took: the way does not get shorter. Not where a server has come back meanwhile: each
        // connection would wait as long for the address that leads nowhere.
        if (error === null && late.includes(socket.remoteAddress)) first = { addressMs, connect }
        callback(...result)
      })
    // Declared to be nothing.
    return round(first, []) as undefined
  }
}

/** Those that might have answered later. */
function hurriedAddresses(error: Error | null): readonly unknown[] {
  if (!(error instanceof AggregateError)) return []
  return error.errors.filter(({ code }) => code === 'ETIMEDOUT').map(({ address }) => address)
}
