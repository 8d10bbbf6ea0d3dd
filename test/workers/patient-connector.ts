// Hosts of several addresses, of which the right one is slow.

import type { Socket } from 'node:net'
import t from 'tap'
import type { buildConnector } from 'undici'
import { patientConnector } from '../../dist/workers/patient-connector.js'

const failed = (code: string) => Object.assign(new Error(code), { code })
const HURRIED = new AggregateError([failed('ETIMEDOUT'), failed('ECONNREFUSED')])
const REFUSED = new AggregateError([failed('ECONNREFUSED'), failed('ENETUNREACH')])
const SOCKET = {} as Socket
const OPTIONS = { hostname: 'host', protocol: 'http:', port: '80' }

/** Connects to a host whose right address takes `neededMs`; the other one fails. */
function host(neededMs: number, limitMs = 60_000) {
  const given: number[] = []
  const connectorFor =
    (addressMs: number): buildConnector.connector =>
    (_options, callback) => {
      given.push(addressMs)
      queueMicrotask(() =>
        addressMs < neededMs ? callback(HURRIED, null) : callback(null, SOCKET),
      )
    }
  const connector = patientConnector(connectorFor, limitMs)
  const connect = () =>
    new Promise<Error | Socket | null>(resolve =>
      connector(OPTIONS, (error, socket) => resolve(error ?? socket)),
    )
  return { given, connect }
}

t.test(
  'patientConnector() gives a slow address more time, and begins there the next time',
  async t => {
    const { given, connect } = host(3_000)
    t.equal(await connect(), SOCKET)
    const [first = 0] = given
    t.strictSame(given, [first, 4 * first, 16 * first])
    t.strictSame(await Promise.all([connect(), connect()]), [SOCKET, SOCKET])
    t.strictSame(given.slice(3), [16 * first, 16 * first])
  },
)

t.test('patientConnector() has all connections of a round wait equally longer', async t => {
  const { given, connect } = host(500)
  t.strictSame(await Promise.all([connect(), connect()]), [SOCKET, SOCKET])
  const [first = 0] = given
  t.strictSame(given, [first, first, 4 * first, 4 * first])
})

t.test('patientConnector() tells what time does not help, and what takes too long', async t => {
  let rounds = 0
  const connector = patientConnector(
    () => (_options, callback) => {
      rounds++
      callback(REFUSED, null)
    },
    60_000,
  )
  const error = await new Promise(resolve => connector(OPTIONS, (...result) => resolve(result[0])))
  t.equal(error, REFUSED)
  t.equal(rounds, 1)
  const { given, connect } = host(Number.POSITIVE_INFINITY, 0)
  t.equal(await connect(), HURRIED)
  t.equal(given.length, 1)
})
