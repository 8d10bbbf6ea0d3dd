// Checks the slow server's timing against theory: latency, think time, bandwidth, and how fast it is with nothing
// limited. A command to be run by hand on a quiet machine (the tests check the same arithmetic without a clock):
//   node .bench/slow-server/check.js
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { GeneratedImage } from './image.js'
import { type SlowServerProcess, startInProcess } from './in-process.js'
import type { SlowServerOptions } from './options.js'

const MIB = 1024 * 1024
let failures = 0

function report(what: string, value: number, unit: string, low: number, high: number): void {
  const good = value >= low && value <= high
  if (!good) failures++
  const bounds = high === Infinity ? `at least ${low}` : `${low.toFixed(1)} to ${high.toFixed(1)}`
  console.log(`${good ? 'ok  ' : 'FAIL'} ${what}: ${value.toFixed(2)} ${unit} (${bounds})`)
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] as number

/** A connection that counts what it receives and keeps none of it. */
class Sink implements Disposable {
  readonly socket: Socket
  received = 0
  #wake = (): void => {}

  private constructor(port: number) {
    const onread = {
      buffer: new Uint8Array(MIB),
      callback: (count: number): boolean => {
        this.received += count
        this.#wake()
        return true
      },
    }
    this.socket = connect({ port, host: '127.0.0.1', onread })
  }

  static async open(port: number): Promise<Sink> {
    const sink = new Sink(port)
    await once(sink.socket, 'connect')
    return sink
  }

  send(first: number, length: number): void {
    this.socket.write(
      `GET /disk.img HTTP/1.1\r\nHost: check\r\nRange: bytes=${first}-${first + length - 1}\r\n\r\n`,
    )
  }

  /** Resolves once `count` bytes, heads included, have come in all. */
  async reach(count: number): Promise<void> {
    while (this.received < count) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await action()
  return performance.now() - start
}

async function withServer(
  options: Omit<SlowServerOptions, 'image'>,
  action: (server: SlowServerProcess) => Promise<void>,
): Promise<void> {
  await using server = await startInProcess({ image: { size: 8192 * MIB }, ...options })
  await action(server)
}

function checkImage(): void {
  const image = new GeneratedImage({ size: 8192 * MIB, zeros: false })
  const buffer = new Uint8Array(256 * 1024)
  for (let at = 0; at < 64 * MIB; at += buffer.length) image.fill(buffer, at)
  const start = performance.now()
  for (let at = 0; at < 4096 * MIB; at += buffer.length) image.fill(buffer, at)
  const seconds = (performance.now() - start) / 1000
  report('generating the image', (4096 * MIB) / 1e9 / seconds, 'GB/s', 1.5, Infinity)
}

async function checkThroughput(): Promise<void> {
  await withServer({ cacheBytes: 256 * MIB }, async server => {
    const { port } = server
    const processorSeconds = async (): Promise<number> => {
      const { user, system } = await server.cpuUsage()
      return (user + system) / 1e6
    }
    for (const [what, size] of [
      ['unshaped, image rendered as it goes', 2048 * MIB],
      ['unshaped, image in memory', 256 * MIB],
    ] as const) {
      using sink = await Sink.open(port)
      const rounds = (2048 * MIB) / size
      const before = await processorSeconds()
      const ms = await timed(async () => {
        for (let i = 0; i < rounds; i++) {
          sink.send(0, size)
          await sink.reach((i + 1) * size)
        }
      })
      const seconds = (await processorSeconds()) - before
      console.log(`     ${what}: ${((2048 * MIB) / 1e6 / ms).toFixed(2)} GB/s by the clock`)
      report(what, (2048 * MIB) / 1e9 / seconds, 'GB per processor second', 1, Infinity)
    }
  })
}

async function checkDelay(name: 'latencyMs' | 'thinkTimeMs', ms: number): Promise<void> {
  await withServer({ [name]: ms }, async ({ port }) => {
    using sink = await Sink.open(port)
    const times: number[] = []
    for (let i = 0; i < 30; i++) {
      const before = sink.received
      times.push(
        await timed(async () => {
          sink.send(i, 1)
          await sink.reach(before + 1)
        }),
      )
    }
    report(`${name} ${ms}, median`, median(times), 'ms', ms, ms + 2)
    await sink.reach(sink.received)
    const each = sink.received / 30
    const before = sink.received
    const all = await timed(async () => {
      for (let i = 0; i < 8; i++) sink.send(10, 1)
      await sink.reach(Math.floor(before + 7.9 * each))
    })
    const expected = name === 'latencyMs' ? ms : 8 * ms
    report(`${name} ${ms}, eight pipelined`, all, 'ms', expected, expected * 1.1 + 2)
  })
}

async function checkRate(
  what: string,
  options: Omit<SlowServerOptions, 'image'>,
  connections: number,
  bytesEach: number,
  expected: number,
): Promise<void> {
  await withServer(options, async ({ port }) => {
    const sinks = await Promise.all(Array.from({ length: connections }, () => Sink.open(port)))
    const ms = await timed(() =>
      Promise.all(
        sinks.map(async (sink, i) => {
          sink.send(i * bytesEach, bytesEach)
          await sink.reach(bytesEach)
        }),
      ),
    )
    const rate = (connections * bytesEach) / 1000 / ms
    report(what, rate, 'MB/s', (expected * 0.95) / 1e6, (expected * 1.05) / 1e6)
    for (const sink of sinks) sink.socket.destroy()
  })
}

checkImage()
await checkThroughput()
await checkDelay('latencyMs', 50)
await checkDelay('thinkTimeMs', 50)
await checkRate('30 MB/s a connection, one', { bandwidth: 30e6 }, 1, 30e6, 30e6)
await checkRate('30 MB/s a connection, four', { bandwidth: 30e6 }, 4, 30e6, 120e6)
await checkRate('30 MB/s a connection, 4 MiB', { bandwidth: 30e6 }, 1, 4 * MIB, 30e6)
await checkRate('1 MB/s a connection', { bandwidth: 1e6 }, 2, 1e6, 2e6)
await checkRate('100 MB/s in total over eight', { totalBandwidth: 100e6 }, 8, 12e6, 100e6)
await checkRate('both limits', { bandwidth: 30e6, totalBandwidth: 50e6 }, 4, 12e6, 50e6)
process.exitCode = failures === 0 ? 0 : 1
