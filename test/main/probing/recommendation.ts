// Flags for servers as they were measured: few, and none where the defaults fit.

import t from 'tap'
import type { LadderEnd, Round } from '../../../dist/main/probing/connection-ladder.js'
import type { Measurements, Pipelining } from '../../../dist/main/probing/measurements.js'
import { type RecommendationInput, recommend } from '../../../dist/main/probing/recommendation.js'

const GIB = 1024 ** 3

interface Server {
  readonly firstByteMs?: number
  readonly p95Ms?: number
  readonly rate?: number
  /** All connections together, bytes per second. */
  readonly rounds?: Readonly<Record<number, number>>
  readonly bodyMs?: number
  readonly end?: LadderEnd
  readonly accepted?: number
  readonly hidden?: number
  readonly imageBytes?: number
  readonly connections?: number
  readonly firstByteTimeout?: number
}

function input(server: Server): RecommendationInput {
  const { firstByteMs = 100, rate = 30e6, end = 'top', accepted, bodyMs = 50 } = server
  const rates = server.rounds ?? { 1: rate, 2: 2 * rate, 4: 4 * rate, 8: 8 * rate, 16: 16 * rate }
  const rounds: Round[] = Object.entries(rates).map(([key, bytesPerSecond]) => {
    const connections = Number(key)
    const refused = accepted === undefined ? 0 : Math.max(0, connections - accepted)
    return {
      ...{ connections, refused, accepted: connections - refused },
      ...{ bytesPerSecond, bodyMs, firstByteMs },
    }
  })
  const pipelining: Pipelining =
    server.hidden === undefined
      ? { measured: false, reason: 'the server does not keep connections' }
      : { measured: true, hidden: server.hidden }
  const measurements: Measurements = {
    firstByte: {
      requests: 20,
      p50Ms: firstByteMs,
      p95Ms: server.p95Ms ?? firstByteMs,
      connectMs: 1,
      keepsConnections: true,
    },
    ratePerConnection: rate,
    parallel: { rounds, end, accepted: accepted ?? null },
    pipelining,
    failures: {},
  }
  return {
    measurements,
    imageBytes: server.imageBytes ?? 8 * GIB,
    connections: server.connections ?? 16,
    firstByteTimeout: server.firstByteTimeout ?? 120,
  }
}

const flagsFor = (server: Server): string[] =>
  recommend(input(server)).flags.map(({ flag, value }) => `${flag} ${value}`)

t.test('recommend() leaves the defaults where they fit', async t => {
  t.strictSame(flagsFor({}), [], 'a vCenter')
  t.strictSame(flagsFor({ hidden: 1, firstByteMs: 200, rate: 10e6 }), [], 'a far mirror')
  const line = { 1: 30e6, 2: 60e6, 4: 100e6, 8: 100e6 }
  t.strictSame(flagsFor({ rounds: line, end: 'no gain' }), [], 'a line that 4 connections fill')
  t.strictSame(flagsFor({ firstByteMs: 1, rate: 800e6 }), [], 'a server near by')
  t.strictSame(flagsFor({ rate: 0, rounds: {}, firstByteMs: 0 }), [], 'an empty image')
})

t.test('recommend() keeps below what the server refuses', async t => {
  const rounds = { 1: 30e6, 2: 60e6, 4: 120e6, 8: 0 }
  t.strictSame(flagsFor({ rounds, end: 'refused', accepted: 4 }), ['--connections 4'])
  t.strictSame(flagsFor({ rounds, end: 'refused', accepted: 0 }), ['--connections 1'])
  const high = { 1: 30e6, 16: 480e6, 32: 0 }
  t.strictSame(flagsFor({ rounds: high, end: 'refused', accepted: 16, connections: 32 }), [])
  t.match(recommend(input({ rounds, end: 'refused', accepted: 4 })).flags[0]?.reason, /503/)
})

t.test('recommend() takes fewer connections only where more clearly brought less', async t => {
  const rounds = { 1: 30e6, 2: 60e6, 4: 30e6 }
  t.strictSame(flagsFor({ rounds, end: 'no gain' }), ['--connections 2'])
  t.strictSame(flagsFor({ rounds, end: 'no gain', bodyMs: 2 }), [], 'not from a moment’s figures')
})

t.test('recommend() takes more connections than by default where they were measured', async t => {
  const rounds = { 1: 5e6, 2: 10e6, 4: 20e6, 8: 40e6, 16: 80e6, 32: 160e6, 64: 300e6 }
  const server = { rate: 5e6, rounds, connections: 64 }
  t.strictSame(flagsFor(server), ['--connections 64'])
  t.strictSame(flagsFor({ ...server, rounds: { ...rounds, 32: 82e6, 64: 83e6 } }), [])
})

t.test('recommend() takes no more connections than bring nearly all', async t => {
  const line = { 1: 10e6, 2: 20e6, 4: 40e6, 8: 80e6, 16: 150e6, 32: 192e6, 64: 200e6 }
  const far = { rate: 10e6, firstByteMs: 200, rounds: line, connections: 64 }
  t.match(flagsFor({ ...far, end: 'no gain' })[0], '--connections 32')
  const near = { 1: 300e6, 8: 690e6, 16: 650e6, 32: 400e6, 64: 300e6 }
  t.strictSame(flagsFor({ rate: 300e6, firstByteMs: 20, rounds: near, connections: 64 }), [])
})

t.test('recommend() takes no more where fewer could not be measured', async t => {
  const server = input({ rounds: { 16: 400e6, 64: 300e6 }, connections: 64 })
  const rounds = server.measurements.parallel.rounds.map(round => ({
    ...round,
    bodyMs: round.connections === 16 ? 5 : 30,
  }))
  const parallel = { ...server.measurements.parallel, rounds }
  const measurements = { ...server.measurements, parallel }
  t.strictSame(recommend({ ...server, measurements }).flags, [])
})

t.test('recommend() leaves a bound the user has set', async t => {
  const rounds = { 1: 30e6, 2: 60e6, 4: 120e6 }
  t.strictSame(flagsFor({ rounds, connections: 4 }), ['--connections 4'])
})

t.test(
  'recommend() enlarges requests, and the ring with them, where the server thinks long',
  async t => {
    const server = { firstByteMs: 1000 }
    t.strictSame(flagsFor(server), ['--max-request 64M', '--ring-size 1G'])
    const { expectedBytesPerSecond, defaultBytesPerSecond } = recommend(input(server))
    t.ok(expectedBytesPerSecond > 1.5 * defaultBytesPerSecond)
    t.strictSame(flagsFor({ ...server, imageBytes: GIB / 8 }), [], 'not for a small image')
    const few = { ...server, end: 'refused' as const, accepted: 4, rounds: { 4: 120e6, 8: 0 } }
    t.strictSame(flagsFor(few), ['--connections 4', '--max-request 64M'], 'four fit into the ring')
  },
)

t.test('recommend() pipelines only where it hides what larger requests do not', async t => {
  t.match(flagsFor({ firstByteMs: 1000, hidden: 1 }), /--pipelining 2/)
  t.notMatch(flagsFor({ firstByteMs: 1000, hidden: 0 }).join(), /pipelining/)
  const refusing = { end: 'refused' as const, accepted: 8, rounds: { 8: 240e6, 16: 0 } }
  t.notMatch(flagsFor({ firstByteMs: 3000, hidden: 1, ...refusing }).join(), /pipelining/)
})

t.test('recommend() lengthens the limit for the first byte where it is short', async t => {
  const slow = { firstByteMs: 40_000, p95Ms: 50_000, rate: 1e5 }
  t.match(flagsFor(slow).join(), /--first-byte-timeout 240/)
  t.notMatch(flagsFor({ ...slow, firstByteTimeout: 2000 }).join(), /first-byte-timeout/)
})

t.test('recommend() expects nothing of bodies that were over at once', async t => {
  t.equal(recommend(input({ bodyMs: 2 })).expectedBytesPerSecond, 0)
  t.ok(recommend(input({})).expectedBytesPerSecond > 300e6)
})
