// Hosts of several addresses, of which the right one is slow.

import type { Socket } from 'node:net'
import t from 'tap'
import type { buildConnector } from 'undici'
import { patientConnector } from '../../dist/workers/patient-connector.js'

const SLOW = '192.0.2.1'
const OTHER = '192.0.2.2'
const failed = (code: string, address: string) => Object.assign(new Error(code), { code, address })
const HURRIED = new AggregateError([failed('ETIMEDOUT', SLOW), failed('ECONNREFUSED', OTHER)])
const REFUSED = new AggregateError([failed('ECONNREFUSED', SLOW), failed('ENETUNREACH', OTHER)])
/** As undici tells of an error: without a socket, whatever its types say. */
const fail = (callback: buildConnector.Callback, error: Error) =>
  callback(error, undefined as unknown as null)
const SOCKET = { remoteAddress: SLOW } as Socket
const OPTIONS = { hostname: 'host', protocol: 'http:', port: '80' }

/** Connects to a host whose right address takes `neededMs`; the other one fails. */
function host(neededMs: number, limitMs = 60_000) {
  const given: number[] = []
  const connectorFor =
    (addressMs: number): buildConnector.connector =>
    (_options, callback) => {
      given.push(addressMs)
      queueMicrotask(() =>
        addressMs < neededMs ? fail(callback, HURRIED) : callback(null, SOCKET),
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
      fail(callback, REFUSED)
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

t.test('patientConnector() gives no more time for a server that has come back', async t => {
  const given: number[] = []
  const back = { remoteAddress: OTHER } as Socket
  const connector = patientConnector(
    addressMs => (_options, callback) => {
      given.push(addressMs)
      if (given.length < 3) fail(callback, HURRIED)
      else callback(null, back)
    },
    60_000,
  )
  const connect = () => new Promise(resolve => connector(OPTIONS, (...result) => resolve(result)))
  t.strictSame(await connect(), [null, back])
  t.strictSame(await connect(), [null, back])
  const [first = 0] = given
  t.strictSame(given, [first, 4 * first, 16 * first, first], 'which a dead address would take')
})

t.test('patientConnector() leaves the other addresses a part of the time', async t => {
  const { given, connect } = host(Number.POSITIVE_INFINITY, 5_000)
  t.equal(await connect(), HURRIED)
  const [first = 0] = given
  t.strictSame(given.slice(0, 2), [first, 4 * first])
  t.ok(Math.max(...given) <= 5_000, `${given}`)
  const rounds = given.length
  await connect()
  t.equal(given[rounds], first, 'and what never helped is not kept')
})
